using System.CommandLine;
using System.Text.Json;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Cli;

/// <summary>The options that say which form a text must have: a JSON schema, a grammar or a regular expression.</summary>
internal sealed class FormArguments
{
    private readonly Option<string?> _schema = new("--schema") { Description = "A file with a JSON schema." };
    private readonly Option<string?> _gbnf = new("--gbnf") { Description = "A file with a grammar in GBNF." };
    private readonly Option<string?> _regex = new("--regex") { Description = "A regular expression, which the whole text must match." };

    public void AddTo(Command command)
    {
        foreach (var option in (ReadOnlySpan<Option>)[_schema, _gbnf, _regex])
            command.Add(option);
    }

    /// <summary>How many are given; more than one are refused.</summary>
    public int Count(ParseResult parsed)
    {
        var count = new[] { _schema, _gbnf, _regex }.Count(option => parsed.GetValue(option) is not null);
        return count <= 1 ? count : throw new UsageException("Give one of --schema, --gbnf and --regex.");
    }

    /// <summary>Sets the form of a chat's answer, if there is one.</summary>
    public ChatOptions AddTo(ChatOptions options, ParseResult parsed)
    {
        if (parsed.GetValue(_schema) is { } schema)
            options.ResponseFormat = ChatResponseFormat.ForJsonSchema(ReadSchema(schema));
        if (parsed.GetValue(_gbnf) is { } gbnf)
            options.WithGrammar(Utf8File.Read(gbnf));
        return parsed.GetValue(_regex) is { } regex ? options.WithRegex(regex) : options;
    }

    /// <summary>Reads the file, if there is one; what it returns compiles it for a vocabulary. Null where no form is given.</summary>
    public Func<Constraint>? Read(ParseResult parsed, Tokenizer tokenizer, ConstraintOptions? options = null)
    {
        if (parsed.GetValue(_schema) is { } file)
        {
            var schema = ReadSchema(file);
            return () => Constraint.FromJsonSchema(schema, tokenizer, options);
        }

        if (parsed.GetValue(_gbnf) is { } gbnf)
        {
            var grammar = Utf8File.Read(gbnf);
            return () => Constraint.FromGbnf(grammar, tokenizer);
        }

        return parsed.GetValue(_regex) is { } regex ? () => Constraint.FromRegex(regex, tokenizer) : null;
    }

    private static JsonElement ReadSchema(string file) => JsonSerializer.SerializeToElement(JsonFiles.Read(file), CliJson.Options);
}
