using System.CommandLine;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Cli.Commands;

/// <summary><c>chat</c>: a conversation on the terminal.</summary>
internal static class ChatCommand
{
    public static Command Create(Terminal terminal)
    {
        var generation = new GenerationArguments();
        var command = new Command("chat", "Talk with a model. Ctrl-C stops an answer, an empty line or Ctrl-D ends the conversation.");
        generation.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            using var loggers = StderrLog.Create(parsed);
            await using var model = await generation.LoadAsync(parsed, loggers, cancellation).ConfigureAwait(false);
            terminal.Interrupts.BeginInteractive();
            await ConverseAsync(terminal, model.AsIChatClient(), generation.ForChat(parsed), cancellation).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>Takes turns until the input ends or a line is empty.</summary>
    internal static async Task ConverseAsync(Terminal terminal, IChatClient client, ChatOptions options, CancellationToken cancellation)
    {
        var history = new List<ChatMessage>();
        while (true)
        {
            await RunCommand.WriteAsync(terminal.Out, "> ").ConfigureAwait(false);
            if (await terminal.In.ReadLineAsync(cancellation).ConfigureAwait(false) is not { Length: > 0 } line)
                return;

            history.Add(new ChatMessage(ChatRole.User, line));
            var updates = new List<ChatResponseUpdate>();
            using var answer = terminal.Interrupts.BeginAnswer();
            try
            {
                await foreach (var update in client.GetStreamingResponseAsync(history, options, answer.Token).ConfigureAwait(false))
                {
                    updates.Add(update);
                    await RunCommand.WriteAsync(terminal.Out, update.Text).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The user has read enough; what was written stays in the history.
            }
            catch (LlmException exception)
            {
                // The conversation goes on without what could not be answered.
                updates.Clear();
                await terminal.Error.WriteLineAsync($"embedded-llm: {CommandLine.OneLine(exception.Message)} The last message is dropped.").ConfigureAwait(false);
            }
            finally
            {
                terminal.Interrupts.EndAnswer();
            }

            await terminal.Out.WriteLineAsync().ConfigureAwait(false);
            if (updates.Count > 0)
                history.AddMessages(updates);
            else
                history.RemoveAt(history.Count - 1); // many templates insist that user and assistant take turns
        }
    }
}
