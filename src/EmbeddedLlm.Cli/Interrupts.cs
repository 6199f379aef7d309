using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cli;

/// <summary>
/// Ctrl-C: cancels the command, or only the answer that is being written where a command says so. A second one ends the program at once.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _command = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly PosixSignalRegistration _hangUp;
    private CancellationTokenSource? _answer;
    private volatile bool _isInteractive;

    public Interrupts()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal);
    }

    /// <summary>Cancelled by Ctrl-C, except while an answer is being written.</summary>
    public CancellationToken Token => _command.Token;

    /// <summary>From now on Ctrl-C cancels answers; between answers it ends the program at once.</summary>
    public void BeginInteractive() => _isInteractive = true;

    /// <summary>The token for one answer; dispose the source when it has ended.</summary>
    public CancellationTokenSource BeginAnswer()
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(_command.Token);
        Volatile.Write(ref _answer, source);
        return source;
    }

    /// <summary>Says that no answer is being written any more.</summary>
    public void EndAnswer() => Volatile.Write(ref _answer, null);

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _hangUp.Dispose();
        _command.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // Read once: the answer may end meanwhile.
        var answer = Volatile.Read(ref _answer);
        if (_isInteractive && answer is null)
            return; // nothing to save at the prompt: the system's default ends the program

        var stopped = answer is not null && context.Signal == PosixSignal.SIGINT ? answer : _command;
        if (stopped.IsCancellationRequested)
            return; // asked a second time: the default again, as what runs now may not look at its token for long

        context.Cancel = true;
        try
        {
            stopped.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself, just now.
        }
    }
}
