using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli;

/// <summary>Progress as one line that is written over, on a terminal; nothing where the output goes to a file. Counts what came out otherwise than asked for.</summary>
internal sealed class ProgressLine(TextWriter output) : IProgress<QuantizationProgress>
{
    /// <summary>Tensors whose rows did not fit the wanted format.</summary>
    public int Displaced { get; private set; }

    public void Report(QuantizationProgress value)
    {
        Displaced += value.To == value.Wanted ? 0 : 1;
        if (!Console.IsErrorRedirected)
            output.Write(value.Done < value.Count ? $"\r{value.Done}/{value.Count} {value.Tensor} → {value.To}\e[K" : "\r\e[K");
    }
}
