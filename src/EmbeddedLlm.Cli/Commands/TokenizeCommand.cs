using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>tokenize</c>: text to token ids, and back.</summary>
internal static class TokenizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel();
        var text = new Option<string?>("--text") { Description = "The text." };
        var file = new Option<string?>("--file") { Description = "A file with the text (UTF-8)." };
        var ids = new Option<string?>("--ids") { Description = "Token ids to turn back into text: 1,2,3 or @file.json." };
        var noSpecial = new Option<bool>("--no-special") { Description = "Neither add nor parse special tokens." };
        var json = new Option<bool>("--json") { Description = "Print {\"ids\": […], \"tokens\": […]}." };
        var command = new Command("tokenize", "Turn text into token ids, or token ids into text.") { model, text, file, ids, noSpecial, json };
        command.SetAction(parsed =>
        {
            var given = new[] { parsed.GetValue(text), parsed.GetValue(file), parsed.GetValue(ids) };
            if (given.Count(value => value is not null) != 1)
                throw new UsageException("Give one of --text, --file and --ids.");

            using var gguf = ModelFile.Open(parsed.GetRequiredValue(model));
            var tokenizer = Tokenizer.FromGguf(gguf.Metadata);
            var special = !parsed.GetValue(noSpecial);
            var tokens = given[2] is { } list ? JsonFiles.TokenIds(list) : tokenizer.Encode(given[0] ?? Utf8File.Read(given[1]!), special, special);

            if (parsed.GetValue(json))
                WriteJson(terminal.Out, tokenizer, tokens);
            else if (given[2] is not null)
                terminal.Out.WriteLine(tokenizer.Decode(tokens));
            else
                foreach (var token in tokens)
                    terminal.Out.WriteLine($"{token}\t{JsonSerializer.Serialize(tokenizer.GetPiece(token), CliJson.Options)}");
        });
        return command;
    }

    private static void WriteJson(TextWriter output, Tokenizer tokenizer, int[] tokens) => output.WriteLine(new JsonObject
    {
        ["ids"] = new JsonArray([.. tokens.Select(id => JsonValue.Create(id))]),
        ["tokens"] = new JsonArray([.. tokens.Select(id => JsonValue.Create(tokenizer.GetPiece(id)))]),
    }.ToJsonString(CliJson.Options));
}
