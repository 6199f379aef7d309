using EmbeddedLlm.Calibration;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Cli;

/// <summary>Progress as one line that is written over, on a terminal; nothing where the output goes to a file. Counts what came out otherwise than asked for.</summary>
internal sealed class ProgressLine(TextWriter output) : IProgress<QuantizationProgress>, IProgress<ImportanceProgress>
{
    /// <summary>Tensors whose rows did not fit the wanted format.</summary>
    public int Displaced { get; private set; }

    /// <summary>Tensors that were rounded and of which an importance matrix, if there was one, knew nothing.</summary>
    public int Unweighted { get; private set; }

    public void Report(QuantizationProgress value)
    {
        Displaced += value.To == value.Wanted ? 0 : 1;
        Unweighted += value.To == value.From || value.IsWeighted ? 0 : 1;
        Write(value.Done, value.Count, $"{value.Tensor} → {value.To}");
    }

    public void Report(ImportanceProgress value) => Write(value.Done, value.Count, "pieces of text");

    private void Write(int done, int count, string what)
    {
        if (!Console.IsErrorRedirected)
            output.Write(done < count ? $"\r{done}/{count} {what}\e[K" : "\r\e[K");
    }
}
