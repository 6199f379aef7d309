using System.Diagnostics;
using System.Runtime.InteropServices;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tests.Cli;

/// <summary>Ctrl-C, with the command as a process of its own, as a shell sees it.</summary>
public sealed partial class InterruptTests : IDisposable
{
    private const int Sigint = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task CtrlC_EndsARunWith130()
    {
        using var cli = Start([.. Endless("run"), "--prompt", "Hello"]);
        await ReadUntilAsync(cli, " ");
        Interrupt(cli);

        Assert.Equal((130, ""), await EndAsync(cli));
    }

    [Fact]
    public async Task CtrlC_EndsWith130_WhileTheCommandDoesNotLook()
    {
        using var cli = StartReading(out var pipe);
        using (pipe)
        {
            Interrupt(cli);
            await Task.Delay(500);
            Assert.False(cli.HasExited);
        }

        Assert.Equal((130, ""), await EndAsync(cli));
    }

    [Fact]
    public async Task CtrlC_Twice_EndsACommandThatDoesNotLook()
    {
        using var cli = StartReading(out var pipe);
        using var _ = pipe;
        var end = EndAsync(cli);
        while (await Task.WhenAny(end, Task.Delay(200)) != end)
            Interrupt(cli);

        Assert.Equal((130, ""), await end);
    }

    [Fact]
    public async Task CtrlC_EndsARunThatReadsItsPrompt()
    {
        using var cli = Start("run", "--model", Golden.TinyModel, "--prompt", "-");
        var end = EndAsync(cli);
        while (await Task.WhenAny(end, Task.Delay(500)) != end)
            Interrupt(cli);

        Assert.Equal(130, (await end).ExitCode);
    }

    [Fact]
    public async Task CtrlC_InChat_StopsTheAnswerAndNotTheProgram()
    {
        using var cli = Start(Endless("chat"));
        foreach (var line in (string[])["Hello", "Again"])
        {
            await ReadUntilAsync(cli, "> ");
            await cli.StandardInput.WriteLineAsync(line);
            await ReadUntilAsync(cli, " ");
            Interrupt(cli);
        }

        await ReadUntilAsync(cli, "> ");
        await cli.StandardInput.WriteLineAsync();

        Assert.Equal((0, ""), await EndAsync(cli));
    }

    [Fact]
    public async Task CtrlC_AtThePromptOfChat_EndsIt()
    {
        using var cli = Start("chat", "--model", Golden.TinyModel);
        await ReadUntilAsync(cli, "> ");
        Interrupt(cli);

        Assert.Equal((130, ""), await EndAsync(cli));
    }

    // The tiny model never ends its turn by itself when greedy; with this context it writes for a minute.
    private string[] Endless(string command)
    {
        var path = _folder.File("long.gguf");
        using var tiny = GgufFile.Open(Golden.TinyModel);
        var writer = GgufWriter.From(tiny);
        writer.Set("llama.context_length", GgufValue.Of(30_000u));
        writer.Save(path);
        return [command, "--model", path, "--temperature", "0", "--context", "30000"];
    }

    /// <summary>A command that waits in a call that no token can end, until the pipe is closed.</summary>
    private Process StartReading(out FileStream pipe)
    {
        SkipWithoutSignals();
        var path = _folder.File("text");
        Assert.Equal(0, MakeFifo(path, Convert.ToUInt32("600", 8)));
        var cli = Start("tokenize", "--model", Golden.TinyModel, "--file", path);
        pipe = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite); // returns when the other side reads
        return cli;
    }

    private static Process Start(params string[] args)
    {
        SkipWithoutSignals();
        return Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "embedded-llm.dll"), .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static void SkipWithoutSignals()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals that a test could send to one process.");

        // A shell that starts the tests in the background lets them, and what they start, ignore SIGINT: bit 1 of the mask.
        var ignored = File.Exists("/proc/self/status") ? File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) : null;
        Assert.SkipWhen(ignored is not null && (Convert.ToUInt64(ignored[7..].Trim(), 16) & 2) != 0, "The tests run with SIGINT ignored.");
    }

    private static void Interrupt(Process process)
    {
        if (!process.HasExited)
            Assert.Equal(0, Kill(process.Id, Sigint));
    }

    private static async Task ReadUntilAsync(Process process, string text)
    {
        var read = "";
        var buffer = new char[1];
        using var patience = new CancellationTokenSource(Patience);
        while (!read.EndsWith(text, StringComparison.Ordinal))
        {
            var count = await process.StandardOutput.ReadAsync(buffer, patience.Token);
            Assert.True(count > 0, $"The output ended with: {read}");
            read += buffer[0];
        }
    }

    private static async Task<(int ExitCode, string Error)> EndAsync(Process process)
    {
        try
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var error = await process.StandardError.ReadToEndAsync().WaitAsync(Patience);
            await output.WaitAsync(Patience);
            await process.WaitForExitAsync().WaitAsync(Patience);
            return (process.ExitCode, error);
        }
        finally
        {
            process.Kill();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}
