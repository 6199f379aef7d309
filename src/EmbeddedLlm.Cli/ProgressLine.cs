using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli;

/// <summary>Progress as one line that is written over, on a terminal; nothing where the output goes to a file.</summary>
internal sealed class ProgressLine(TextWriter output) : IProgress<QuantizationProgress>
{
    public void Report(QuantizationProgress value)
    {
        if (!Console.IsErrorRedirected)
            output.Write(value.Done < value.Count ? $"\r{value.Done}/{value.Count} {value.Tensor} → {value.To}\e[K" : "\r\e[K");
    }
}
