using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Kernels;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Calibration;

/// <summary>What entered each weight of a model. Weights that are parts of one tensor share its sums; norms, tables and routers, which keep their format, have none.</summary>
internal sealed class InputSums(string path)
{
    private readonly OrderedDictionary<string, SquareSums> _sums = new(StringComparer.Ordinal);

    /// <summary>Puts an observer behind every kernel that multiplies with weights. Those are in the order of their ops.</summary>
    public CpuKernel[] Observe(CpuKernel[] kernels, ModelGraph graph)
    {
        using var ops = graph.Ops.Where(op => op is Op.Linear or Op.Experts).GetEnumerator();
        var walked = new List<CpuKernel>(2 * kernels.Length);
        foreach (var kernel in kernels)
        {
            walked.Add(kernel);
            if (kernel is not (LinearKernel or IExpertInputs))
                continue;
            ops.MoveNext();
            walked.AddRange(ops.Current switch
            {
                Op.Linear linear => linear.Projections.Select(projection => projection.Weight).DistinctBy(TensorOf).Select(weight => new InputObserver((LinearKernel)kernel, For(weight))),
                Op.Experts experts => Observers((IExpertInputs)kernel, experts),
                _ => throw new InvalidOperationException("A kernel has no op."),
            });
        }

        return [.. walked];
    }

    /// <summary>The sums as they are written.</summary>
    /// <exception cref="ModelFormatException">One is not finite: the model gives infinities or NaN.</exception>
    public OrderedDictionary<string, ImportanceEntry> ToEntries()
    {
        var entries = new OrderedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
        foreach (var (name, sums) in _sums)
        {
            RequireFinite(name, sums);
            entries.Add(name, new ImportanceEntry(Array.ConvertAll(sums.Sums, sum => (float)sum), Array.ConvertAll(sums.Counts, count => (float)count)));
        }

        return entries;
    }

    // The gate and the up projection have one input, which is added up twice: they are tensors of their own.
    private IEnumerable<CpuKernel> Observers(IExpertInputs kernel, Op.Experts op) =>
    [
        .. new[] { op.GateProjection, op.UpProjection }.DistinctBy(TensorOf).Select(weight => new ExpertsObserver(kernel, ofHidden: false, For(weight))),
        new ExpertsObserver(kernel, ofHidden: true, For(op.DownProjection)),
    ];

    private SquareSums For(Weight weight)
    {
        var name = TensorOf(weight);
        if (!_sums.TryGetValue(name, out var sums))
            _sums.Add(name, sums = new SquareSums(weight.Columns, weight.Experts));
        return sums;
    }

    private static string TensorOf(Weight weight) => weight.Storage is GgufStorage storage ? storage.TensorName : weight.Name + ".weight";

    private void RequireFinite(string name, SquareSums sums)
    {
        var wrong = Array.FindIndex(sums.Sums, sum => !float.IsFinite((float)sum));
        if (wrong >= 0)
            throw new ModelFormatException($"{path}: what enters tensor '{name}': expected finite numbers, found others in column {wrong % (sums.Sums.Length / sums.Counts.Length)}.");
    }
}
