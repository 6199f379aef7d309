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
            floats += ((long)buffer.Width * RowsOf(buffer.IsPicked) + 15) / 16 * 16;
        }

        _buffers = new AlignedMemory(checked(floats * sizeof(float)));
        Kv = new KvMemory([.. graph.Ops.OfType<Op.Attention>().OrderBy(op => op.Layer).Select(op => op.Spec)], options);
    }

    /// <summary>What kernels need while they run.</summary>
    public Workspace Workspace { get; } = new();

    /// <summary>The cache.</summary>
    public KvMemory Kv { get; }

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
    }

    private int RowsOf(bool picked) => picked ? _options.MaxOutputRows : _options.MaxBatchRows;
}
