using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cli.Bench;

/// <summary>
/// A backend, made to write a given text: after the model has computed a row, the token that stands next in the text is the most probable one.
/// So the time is that of the model, and what repeats is that of real text.
/// </summary>
internal sealed class ForcedBackend(IBackend inner) : IBackend
{
    /// <inheritdoc/>
    public string Name => "forced";

    /// <summary>Prompt and answer.</summary>
    public int[] Text { get; set; } = [];

    /// <inheritdoc/>
    public BackendOffer Offer(ModelGraph graph) => inner.Offer(graph);

    /// <inheritdoc/>
    public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new Runner(inner.Load(graph, options), this);

    private sealed class Runner(IModelRunner inner, ForcedBackend forced) : IModelRunner
    {
        public int KvBlocks => inner.KvBlocks;

        public void Run(in Batch batch, Span<float> logits)
        {
            inner.Run(batch, logits);
            var (first, output) = (0, 0);
            foreach (var slice in batch.Slices)
            {
                for (; output < batch.OutputRows.Length && batch.OutputRows[output] < first + slice.Rows; output++)
                {
                    var vocabulary = logits.Length / batch.OutputRows.Length;
                    var next = slice.Past + batch.OutputRows[output] - first + 1;
                    logits[(output * vocabulary) + forced.Text[Math.Min(next, forced.Text.Length - 1)]] = float.MaxValue;
                }

                first += slice.Rows;
            }
        }

        public void CopyKvBlock(int from, int to) => inner.CopyKvBlock(from, to);

        public void CopyState(int from, int to) => inner.CopyState(from, to);

        public void Dispose() => inner.Dispose();
    }
}
