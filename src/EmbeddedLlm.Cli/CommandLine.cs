using System.CommandLine;
using EmbeddedLlm.Cli.Commands;

namespace EmbeddedLlm.Cli;

/// <summary>The command line as a whole: parses, runs, and turns failures into one line and an exit code.</summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int BadUsage = 2;
    private const int Interrupted = 130; // 128 + SIGINT, as shells report it

    /// <summary>Runs one command line.</summary>
    /// <returns>0; 1 after an error; 2 after bad usage; 130 after Ctrl-C.</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal)
    {
        var verbose = new Option<bool>("--verbose") { Description = "Log what happens, and print whole stack traces.", Recursive = true };
        var root = new RootCommand("Large language models in pure managed C#: run, inspect and measure GGUF models.")
        {
            RunCommand.Create(terminal),
            ChatCommand.Create(terminal),
            InspectCommand.Create(terminal),
            TokenizeCommand.Create(terminal),
            ConstrainCommand.Create(terminal),
            RenderCommand.Create(terminal),
            LogitsCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            ConvertCommand.Create(terminal),
            ImatrixCommand.Create(terminal),
            BenchCommand.Create(terminal),
            verbose,
        };

        // No response files: "@tokens.json" is an argument of ours.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
            return await FailAsync(terminal, BadUsage, OneLine(string.Join(' ', parsed.Errors.Select(e => e.Message)))).ConfigureAwait(false);

        try
        {
            var exitCode = await parsed.InvokeAsync(
                new InvocationConfiguration { Output = terminal.Out, Error = terminal.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null },
                terminal.Interrupts.Token).ConfigureAwait(false);
            return terminal.Interrupts.Token.IsCancellationRequested ? Interrupted : exitCode; // not every command looks at the token
        }
        catch (OperationCanceledException) when (terminal.Interrupts.Token.IsCancellationRequested)
        {
            return Interrupted;
        }
        catch (UsageException exception)
        {
            return await FailAsync(terminal, BadUsage, exception.Message).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            return await FailAsync(terminal, Failed, parsed.GetValue(verbose) ? exception.ToString() : OneLine(exception.Message)).ConfigureAwait(false);
        }
    }

    /// <summary>A message as errors are printed.</summary>
    internal static string OneLine(string message) => message.ReplaceLineEndings(" ").Replace('\t', ' ');

    private static async Task<int> FailAsync(Terminal terminal, int exitCode, string message)
    {
        await terminal.Out.FlushAsync().ConfigureAwait(false);
        await terminal.Error.WriteLineAsync($"embedded-llm: {message}").ConfigureAwait(false);
        return exitCode;
    }
}
