using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Testing;

public sealed class BackendConformanceTests
{
    [Fact]
    public void Cases_OfTheReference_AllAgree()
    {
        var cases = BackendConformance.Cases(new ReferenceBackend()).ToList();
        Assert.Equal(cases.Count, cases.Select(c => c.Name).Distinct().Count());
        foreach (var c in cases.Where((_, i) => i % 17 == 0))
            Assert.Null(c.Run());
    }

    [Fact]
    public void Cases_OfABackendThatIsOff_AllDisagree()
    {
        foreach (var c in BackendConformance.Cases(new OffBackend()).Where((_, i) => i % 17 == 0))
            Assert.Throws<ConformanceException>(c.Run);
    }

    [Fact]
    public void Cases_OfABackendThatDeclines_SayWhy()
    {
        var reasons = BackendConformance.Cases(new DecliningBackend()).Select(c => c.Run()).Distinct();
        Assert.Equal(["No device."], reasons);
    }

    // A tenth too much: more than rounded activations ever cost.
    private sealed class OffBackend : IBackend
    {
        public string Name => "off";

        public BackendOffer Offer(ModelGraph graph) => new(true, 0, "");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new Runner(new ReferenceBackend().Load(graph, options));

        private sealed class Runner(IModelRunner inner) : IModelRunner
        {
            public int KvBlocks => inner.KvBlocks;

            public void CopyKvBlock(int from, int to) => inner.CopyKvBlock(from, to);

            public void Dispose() => inner.Dispose();

            public void Run(in Batch batch, Span<float> logits)
            {
                inner.Run(batch, logits);
                foreach (ref var logit in logits)
                    logit *= 1.1f;
            }
        }
    }

    private sealed class DecliningBackend : IBackend
    {
        public string Name => "declining";

        public BackendOffer Offer(ModelGraph graph) => new(false, 0, "No device.");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => throw new NotSupportedException();
    }
}
