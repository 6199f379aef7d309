using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cli;

/// <summary>Ctrl-C: cancels the command, or only the answer that is being written where a command says so.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _command = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private CancellationTokenSource? _answer;
    private bool _isInteractive;

    public Interrupts()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
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
        _command.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (_isInteractive && Volatile.Read(ref _answer) is null)
            return; // nothing to save at the prompt: the system's default ends the program

        context.Cancel = true;
        if (_isInteractive && context.Signal == PosixSignal.SIGINT)
            Volatile.Read(ref _answer)?.Cancel();
        else
            _command.Cancel();
    }
}
