using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;
using Xunit;

namespace Testing;

/// <summary>What a backend of one's own must compute: each op in each format and many shapes, compared with the reference.</summary>
public sealed class BackendTests
{
    // A part of some two thousand; whoever writes a backend runs them all.
    public static TheoryData<string> Cases => [.. BackendConformance.Cases(new MyBackend()).Select(c => c.Name).Where(name => name.StartsWith("rope/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_AgreesWithTheReference(string name)
    {
        var declined = BackendConformance.Cases(new MyBackend()).Single(c => c.Name == name).Run(); // throws where it does not agree

        Assert.Null(declined);
    }

    /// <summary>In place of a real one.</summary>
    private sealed class MyBackend : IBackend
    {
        public string Name => "mine";

        public BackendOffer Offer(ModelGraph graph) => new(CanRun: true, Rank: 0, "For tests.");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => new ReferenceBackend().Load(graph, options);
    }
}
