using System.CommandLine;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>run</c>: one answer, streamed.</summary>
internal static class RunCommand
{
    public static Command Create(Terminal terminal)
    {
        var prompt = new Option<string?>("--prompt", "-p") { Description = "What to say to the model; '-' reads it from stdin." };
        var messages = new Option<string?>("--messages") { Description = "JSON file: an array of {\"role\", \"content\"}." };
        var raw = new Option<bool>("--raw") { Description = "Continue the prompt as it is, without a chat template." };
        var form = new FormArguments();
        var generation = new GenerationArguments();
        var command = new Command("run", "Answer one prompt.") { prompt, messages, raw };
        generation.AddTo(command);
        form.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            var text = parsed.GetValue(prompt);
            var file = parsed.GetValue(messages);
            if ((text is null) == (file is null))
                throw new UsageException("Give one of --prompt and --messages.");
            if (file is not null && parsed.GetValue(raw))
                throw new UsageException("--raw continues a --prompt; messages need a template.");
            if (parsed.GetValue(raw) && generation.HasSystem(parsed))
                throw new UsageException("--system needs a chat template; --raw uses none.");
            form.Count(parsed);
            if (text == "-")
                text = await Task.Run(terminal.In.ReadToEnd, cancellation).WaitAsync(cancellation).ConfigureAwait(false); // the console's reader would not look at the token

            var conversation = file is null ? [new ChatMessage(ChatRole.User, text)] : MessageFile.Read(file);
            using var loggers = StderrLog.Create(parsed);
            await using var model = await generation.LoadAsync(parsed, loggers, cancellation).ConfigureAwait(false);
            var pieces = parsed.GetValue(raw)
                ? model.CompleteStreamingAsync(text!, generation.ForCompletion(parsed, model) with { Constraint = form.Read(parsed, model.Tokenizer)?.Invoke() }, cancellation).Select(update => update.Text)
                : model.AsIChatClient().GetStreamingResponseAsync(conversation, form.AddTo(generation.ForChat(parsed), parsed), cancellation).Select(update => update.Text);
            await foreach (var piece in pieces.ConfigureAwait(false))
                await WriteAsync(terminal.Out, piece).ConfigureAwait(false);
            await terminal.Out.WriteLineAsync().ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>Writes a piece of an answer so that it is seen at once.</summary>
    internal static async Task WriteAsync(TextWriter output, string text)
    {
        await output.WriteAsync(text).ConfigureAwait(false);
        await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
    }
}
