using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>Runs every graph without computing it: a script says which token comes.</summary>
internal sealed class ScriptedBackend(Script script) : IBackend
{
    public string Name => "scripted";

    public BackendOffer Offer(ModelGraph graph) => new(true, int.MinValue, "Computes nothing.");

    public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new Runner(script, graph.Logits.Width, options);

    /// <summary>Its KV memory holds the tokens themselves, so what a row sees is known whatever the engine shares, copies or drafts.</summary>
    private sealed class Runner(Script script, int vocabulary, RunnerOptions options) : IModelRunner
    {
        private readonly int[] _memory = new int[options.KvBlocks * options.KvBlockTokens];

        public int KvBlocks => options.KvBlocks;

        public void Run(in Batch batch, Span<float> logits)
        {
            var (first, output) = (0, 0);
            foreach (var slice in batch.Slices)
            {
                for (var row = 0; row < slice.Rows; row++)
                    _memory[Slot(batch, slice, slice.Past + row)] = batch.Tokens[first + row];
                for (; output < batch.OutputRows.Length && batch.OutputRows[output] < first + slice.Rows; output++)
                {
                    var seen = new int[slice.Past + batch.OutputRows[output] - first + 1];
                    for (var position = 0; position < seen.Length; position++)
                        seen[position] = _memory[Slot(batch, slice, position)];
                    var row = logits.Slice(output * vocabulary, vocabulary);
                    row.Clear();
                    var wanted = script.Next(seen);
                    for (var rank = 0; rank < wanted.Length; rank++)
                        row[wanted[rank]] = Certain / (1 << rank);
                }

                first += slice.Rows;
            }
        }

        public void CopyKvBlock(int from, int to) =>
            _memory.AsSpan(from * options.KvBlockTokens, options.KvBlockTokens).CopyTo(_memory.AsSpan(to * options.KvBlockTokens));

        public string KvLayout => "scripted/1";

        public int KvBlockBytes => options.KvBlockTokens * sizeof(int);

        public void ReadKvBlock(int block, int positions, Span<byte> bytes)
        {
            bytes.Clear();
            MemoryMarshal.AsBytes(_memory.AsSpan(block * options.KvBlockTokens, positions)).CopyTo(bytes);
        }

        public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes) =>
            bytes.CopyTo(MemoryMarshal.AsBytes(_memory.AsSpan(block * options.KvBlockTokens, options.KvBlockTokens)));

        public void CopyState(int from, int to) => throw new NotSupportedException("A script has no states.");

        public void Dispose()
        {
        }

        // Far above what penalties and temperatures move.
        private const float Certain = 1e6f;

        private int Slot(in Batch batch, BatchSlice slice, int position) =>
            batch.KvBlocks[slice.KvStart + (position / options.KvBlockTokens)] * options.KvBlockTokens + (position % options.KvBlockTokens);
    }
}
