using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>render</c>: messages through a chat template, to the prompt text.</summary>
internal static class RenderCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = ModelOptions.CreateModel(required: false);
        var template = new Option<string?>("--template") { Description = "A Jinja file instead of a model's template." };
        var messages = new Option<string?>("--messages") { Description = "JSON file: an array of {\"role\", \"content\"}." };
        var tools = new Option<string?>("--tools") { Description = "JSON file: an array of tools." };
        var context = new Option<string?>("--json-context") { Description = "JSON file: an object; the template gets exactly these variables." };
        var bos = new Option<string?>("--bos") { Description = "The text of bos_token." };
        var eos = new Option<string?>("--eos") { Description = "The text of eos_token." };
        var now = new Option<string?>("--now") { Description = "The time that templates see, ISO 8601." };
        var command = new Command("render", "Print the prompt that a chat template makes of messages.") { model, template, messages, tools, context, bos, eos, now };
        command.SetAction((parsed, cancellation) =>
        {
            var time = parsed.GetValue(now) is { } iso ? new FixedTime(Time(iso)) : TimeProvider.System;
            var contextFile = parsed.GetValue(context);
            var messagesFile = parsed.GetValue(messages);
            if ((parsed.GetValue(model) is null) == (parsed.GetValue(template) is null))
                throw new UsageException("Give one of --model and --template.");
            if ((contextFile is null) == (messagesFile is null))
                throw new UsageException("Give one of --messages and --json-context.");
            if (contextFile is not null && ((Option<string?>[])[tools, bos, eos]).FirstOrDefault(option => parsed.GetValue(option) is not null) is { } useless)
                throw new UsageException($"{useless.Name} has no use with --json-context, which holds all variables.");

            using var gguf = parsed.GetValue(model) is { } path ? ModelFile.Open(path) : null;
            var source = gguf is null ? File.ReadAllText(parsed.GetValue(template)!) : gguf.Metadata.GetString("tokenizer.chat_template", null);
            if (contextFile is not null)
            {
                var jinja = JinjaTemplate.Parse(source ?? throw new LlmException("The model has no chat template to render the context with."));
                return terminal.Out.WriteAsync(jinja.Render(JsonFiles.ReadObject(contextFile), time, cancellation));
            }

            var (bosText, eosText) = (parsed.GetValue(bos), parsed.GetValue(eos));
            var format = gguf is null
                ? ChatTemplate.Create(source, bosText, eosText, vocabularyHasChatMl: false)
                : ChatTemplate.ForModel(source, Tokenizer.FromGguf(gguf.Metadata), bosText, eosText);
            var prompt = format.Render(
                JsonFiles.ReadArray(messagesFile!),
                parsed.GetValue(tools) is { } toolsFile ? JsonFiles.ReadArray(toolsFile) : null,
                time: time,
                cancellationToken: cancellation);
            return terminal.Out.WriteAsync(prompt);
        });
        return command;
    }

    private static DateTimeOffset Time(string iso) => DateTimeOffset.TryParse(iso, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
        ? time
        : throw new UsageException($"'{iso}' is no ISO 8601 time, such as 2026-01-15T12:34:56.");

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
