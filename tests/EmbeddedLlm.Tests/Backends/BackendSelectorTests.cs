using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Backends;

public sealed class BackendSelectorTests
{
    private static readonly ModelGraph Graph = new([], 0, default, [], []);
    private readonly FakeLogger _log = new();

    private static readonly Offering Cpu = new("cpu", new(true, 0, "always"));
    private static readonly Offering Gpu = new("gpu", new(true, 10, "a device"));
    private static readonly Offering Broken = new("npu", new(false, 0, "no driver"));

    [Fact]
    public void Select_NoName_TakesTheBestOffer() => Assert.Same(Gpu, BackendSelector.Select([Cpu, Gpu], Graph, null, _log));

    [Fact]
    public void Select_Name_WinsOverRank() => Assert.Same(Cpu, BackendSelector.Select([Cpu, Gpu], Graph, "CPU", _log));

    [Fact]
    public void Select_Declined_IsLoggedWithItsReason()
    {
        Assert.Same(Cpu, BackendSelector.Select([Broken, Cpu], Graph, null, _log));

        var declined = Assert.Single(_log.Collector.GetSnapshot(), record => record.Id.Id == 2011);
        Assert.Equal(LogLevel.Warning, declined.Level);
        Assert.Contains("no driver", declined.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Select_NamedButDeclined_ThrowsItsReason()
    {
        var error = Assert.Throws<UnsupportedModelException>(() => BackendSelector.Select([Broken, Cpu], Graph, "npu", _log));
        Assert.Contains("no driver", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Select_UnknownName_ThrowsTheKnownOnes()
    {
        var error = Assert.Throws<ArgumentException>(() => BackendSelector.Select([Cpu, Gpu], Graph, "tpu", _log));
        Assert.Contains("cpu, gpu", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Select_BackendThatThrows_CountsAsDeclined()
    {
        var throwing = new Offering("bad", null);
        Assert.Same(Cpu, BackendSelector.Select([throwing, Cpu], Graph, null, _log));
        Assert.Contains("lost device", Assert.Throws<UnsupportedModelException>(() => BackendSelector.Select([throwing], Graph, null, _log)).Message, StringComparison.Ordinal);
    }

    private sealed class Offering(string name, BackendOffer? offer) : IBackend
    {
        public string Name => name;

        public BackendOffer Offer(ModelGraph graph) => offer ?? throw new InvalidOperationException("lost device");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => throw new NotSupportedException();
    }
}
