using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>All memory that the kernels of one graph work in, sized for the largest batch.</summary>
internal sealed unsafe class GraphMemory : IDisposable
{
    private readonly RunnerOptions _options;
    private readonly MemoryPlan _plan;
    private readonly AlignedMemory _buffers;
    private readonly long[] _offsets;       // of each buffer, in floats

    /// <summary>Takes the memory.</summary>
    public GraphMemory(ModelGraph graph, RunnerOptions options)
    {
        _options = options;
        _plan = MemoryPlan.For(graph);
        _offsets = new long[_plan.Buffers.Length];
        var floats = 0L;
        for (var i = 0; i < _offsets.Length; i++)
        {
            var buffer = _plan.Buffers[i];
            _offsets[i] = floats;
            floats += (CountNumbers(buffer.Width, RowsOf(buffer.IsPicked)) + 15) / 16 * 16;
        }

        _buffers = new AlignedMemory(checked(floats * sizeof(float)));
        try
        {
            States = new StateMemory(graph.StateLayers, options);
            Kv = new KvMemory(graph.KvLayers, options);
        }
        catch
        {
            States?.Dispose();
            _buffers.Dispose();
            throw;
        }
    }

    /// <summary>What kernels need while they run.</summary>
    public Workspace Workspace { get; } = new();

    /// <summary>The cache.</summary>
    public KvMemory Kv { get; }

    /// <summary>The states of recurrent steps.</summary>
    public StateMemory States { get; }

    /// <summary>Where a value stands.</summary>
    public Activations Bind(Value value) => new((float*)_buffers.Start + _offsets[_plan.BufferOf(value)], value.Width, _plan.IsPicked(value));

    /// <summary>Whether two values stand in the same memory.</summary>
    public bool Share(Value one, Value other) => _plan.BufferOf(one) == _plan.BufferOf(other);

    /// <summary>The most rows that a value has.</summary>
    public int RowsOf(Value value) => RowsOf(_plan.IsPicked(value));

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffers.Dispose();
        Workspace.Dispose();
        Kv.Dispose();
        States.Dispose();
    }

    /// <summary>The numbers of rows that kernels work on. They are counted in 32 bits: heads, runs and registers of a batch are numbered so.</summary>
    /// <exception cref="UnsupportedModelException">There are more than 2³¹ − 1.</exception>
    public static long CountNumbers(int width, int rows) => (long)width * rows is var numbers and <= int.MaxValue
        ? numbers
        : throw new UnsupportedModelException($"A batch of {rows} rows of {width} numbers is more than the CPU backend counts ({int.MaxValue}). Smaller batches may fit.");

    private int RowsOf(bool picked) => picked ? _options.MaxOutputRows : _options.MaxBatchRows;
}
