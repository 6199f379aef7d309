using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Tests.Graph;

public sealed class GraphBuilderTests
{
    private readonly GraphBuilder _graph = new();

    [Fact]
    public void Build_OfABlock_ListsOpsSitesAndLayersInOrder()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var qkv = _graph.Linear(x, (TestWeights.Matrix("q", 8, 8), null), (TestWeights.Matrix("k", 4, 8), TestWeights.Vector("k.bias", 4)), (TestWeights.Matrix("v", 4, 8), null));
        var attended = _graph.Attention(qkv[0], qkv[1], qkv[2], new AttentionSpec(4, 2, 2, 2, 1));
        var logits = _graph.Linear(_graph.PickRows(_graph.Add(x, attended)), TestWeights.Matrix("output", 32, 8));
        var graph = _graph.Build(logits);

        Assert.Equal(["Embed", "Linear", "Attention", "Add", "PickRows", "Linear"], graph.Ops.Select(op => op.GetType().Name));
        Assert.Equal(["q", "k", "v", "output"], graph.Sites);
        Assert.Equal([new KvLayer(2, 2, 2)], graph.KvLayers);
        Assert.Equal(32, graph.Logits.Width);
        Assert.Equal(8, graph.ValueCount);
        Assert.Equal(Enumerable.Range(0, 8), graph.Ops.SelectMany(op => op.Outputs).Select(value => value.Id));
    }

    [Fact]
    public void Linear_WrongWidth_NamesTheWeightAndBothWidths()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var error = Assert.Throws<ArgumentException>(() => _graph.Linear(x, TestWeights.Matrix("blk.0.attn_q", 8, 7)));
        Assert.Contains("blk.0.attn_q", error.Message, StringComparison.Ordinal);
        Assert.Contains("7 wide, not 8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Linear_SameSiteTwice_Throws()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var weight = TestWeights.Matrix("q", 8, 8);
        _graph.Linear(x, weight);
        Assert.Throws<ArgumentException>(() => _graph.Linear(x, weight));
    }

    [Fact]
    public void Ops_ThatDoNotFit_Throw()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var narrow = _graph.Linear(x, TestWeights.Matrix("narrow", 4, 8));
        var picked = _graph.PickRows(x);

        Assert.Throws<ArgumentException>(() => _graph.Add(x, narrow));
        Assert.Throws<ArgumentException>(() => _graph.Add(x, picked));
        Assert.Throws<ArgumentException>(() => _graph.Gate(narrow, x, Activation.Silu));
        Assert.Throws<ArgumentException>(() => _graph.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 3), null, 1e-5f));
        Assert.Throws<ArgumentException>(() => _graph.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 8), null, float.NaN));
        Assert.Throws<ArgumentException>(() => _graph.Rope(x, new RopeSpec(RopePairing.Halves, [1, 1, 1]), 4));
        Assert.Throws<ArgumentException>(() => _graph.Rope(picked, new RopeSpec(RopePairing.Halves, [1]), 4));
        Assert.Throws<ArgumentException>(() => _graph.Attention(x, narrow, narrow, new AttentionSpec(4, 3, 2, 2, 1)));
        Assert.Throws<ArgumentException>(() => _graph.Attention(x, x, narrow, new AttentionSpec(4, 2, 2, 2, 1)));
        Assert.Throws<ArgumentException>(() => _graph.Attention(x, narrow, narrow, new AttentionSpec(4, 2, 2, 2, 1), TestWeights.Vector("sinks", 2)));
        Assert.Throws<ArgumentException>(() => _graph.Attention(x, x, null, new AttentionSpec(4, 4, 2, 3, 1)));
        Assert.Throws<ArgumentException>(() => _graph.HeadLinear(x, TestWeights.Matrix("heads", 4, 3, 3)));
        Assert.Throws<ArgumentException>(() => _graph.HeadLinear(x, TestWeights.Matrix("heads", 4, 5, 2)));
        Assert.Throws<ArgumentException>(() => _graph.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 4), null, 1e-5f, runWidth: 2));
        Assert.Throws<ArgumentException>(() => _graph.Norm(x, NormKind.Rms, TestWeights.Vector("norm", 2), null, 1e-5f, runWidth: 3));
        Assert.Throws<ArgumentException>(() => _graph.Rope(x, new RopeSpec(RopePairing.Halves, [1]), 4, start: 3));
        Assert.Throws<ArgumentException>(() => _graph.Rope(x, new RopeSpec(RopePairing.Halves, [1]), 4, start: -1));
        Assert.Throws<ArgumentException>(() => _graph.Part(x, 8, 5, 4));
        Assert.Throws<ArgumentException>(() => _graph.Part(x, 8, -1, 4));
        Assert.Throws<ArgumentException>(() => _graph.PickRows(picked));
        Assert.Throws<ArgumentException>(() => _graph.Scale(new Value(99, 8), 2));
        Assert.Throws<ArgumentException>(() => _graph.Experts(x, TestWeights.Matrix("r", 3, 8), TestWeights.Matrix("g", 4, 8, 3), TestWeights.Matrix("u", 4, 8, 3), TestWeights.Matrix("d", 8, 4, 2), new ExpertsSpec(2, Activation.Silu, true)));
        Assert.Throws<ArgumentException>(() => _graph.AddVector(x, TestWeights.Vector("vector", 4)));
        Assert.Throws<ArgumentException>(() => _graph.Build(x));
    }

    [Theory]
    [InlineData(5, 1, 1, 1)]        // more than there are
    [InlineData(1, 3, 1, 1)]        // groups of different size
    [InlineData(1, 2, 3, 1)]        // more groups than there are
    [InlineData(1, 2, 0, 1)]
    [InlineData(3, 2, 1, 1)]        // more than the groups have
    [InlineData(1, 2, 1, 3)]        // more scores than a group has
    [InlineData(1, 2, 1, 0)]
    public void Experts_ThatCannotBeChosen_Throw(int used, int groups, int groupsUsed, int groupScores) =>
        Assert.Throws<ArgumentException>(() => Experts(new ExpertsSpec(used, Activation.Silu, true, Groups: groups, GroupsUsed: groupsUsed, GroupScores: groupScores)));

    [Fact]
    public void Experts_WithLimitsOrBiasesThatDoNotFit_Throw()
    {
        var spec = new ExpertsSpec(2, Activation.Silu, true);
        Experts(spec with { Groups = 2, GroupsUsed = 1, GroupScores = 2, Limit = 7 }, new ExpertBiases(TestWeights.Vector("r", 4), Up: TestWeights.Matrix("u", 4, 6)));
        Assert.Throws<ArgumentException>(() => Experts(spec with { Limit = -1 }));
        Assert.Throws<ArgumentException>(() => Experts(spec with { Limit = float.NaN }));
        Assert.Throws<ArgumentException>(() => Experts(spec with { UpOffset = float.PositiveInfinity }));
        Assert.Throws<ArgumentException>(() => Experts(spec, new ExpertBiases(Router: TestWeights.Vector("r", 3))));
        Assert.Throws<ArgumentException>(() => Experts(spec, new ExpertBiases(Gate: TestWeights.Matrix("g", 4, 8))));
        Assert.Throws<ArgumentException>(() => Experts(spec, new ExpertBiases(Up: TestWeights.Matrix("u", 3, 6))));
        Assert.Throws<ArgumentException>(() => Experts(spec, new ExpertBiases(Down: TestWeights.Matrix("d", 4, 6))));
        Assert.Throws<ArgumentException>(() => Experts(spec, new ExpertBiases(Choice: TestWeights.Matrix("c", 2, 4))));
    }

    // Four experts of 6 hidden numbers.
    private Value Experts(ExpertsSpec spec, ExpertBiases? biases = null) => _graph.Experts(
        _graph.Embed(TestWeights.Matrix("token_embd", 32, 8)),
        TestWeights.Matrix("r", 4, 8), TestWeights.Matrix("g", 6, 8, 4), TestWeights.Matrix("u", 6, 8, 4), TestWeights.Matrix("d", 8, 6, 4), spec, biases);

    [Fact]
    public void AttentionAfter_AnotherShapeOrNoAttention_Throws()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var spec = new AttentionSpec(4, 2, 2, 2, 1);
        var k = _graph.Part(x, 8, 0, 4);
        var earlier = _graph.Attention(x, k, k, spec);
        _graph.AttentionAfter(earlier, x, spec with { Window = 3 });

        Assert.Throws<ArgumentException>(() => _graph.AttentionAfter(x, x, spec));
        Assert.Throws<ArgumentException>(() => _graph.AttentionAfter(earlier, x, spec with { KvHeads = 4 }));
        Assert.Throws<ArgumentException>(() => _graph.AttentionAfter(earlier, x, new AttentionSpec(2, 2, 4, 2, 1)));
        Assert.Throws<ArgumentException>(() => _graph.AttentionAfter(earlier, k, spec));
        var both = _graph.Attention(x, k, k, spec with { IsCausal = false });
        Assert.Throws<ArgumentException>(() => _graph.AttentionAfter(both, x, spec with { IsCausal = false }));
    }

    [Fact]
    public void Attention_ThatSeesBothWays_SharesTheCacheOfItsShape()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        foreach (var (isCausal, heads) in ((bool, int)[])[(false, 2), (true, 2), (false, 2), (true, 2), (false, 4), (false, 2)])
            x = _graph.Attention(x, x, x, new AttentionSpec(heads, heads, 8 / heads, 8 / heads, 1, IsCausal: isCausal));
        var graph = _graph.Build(_graph.PickRows(x));

        Assert.Equal([0, 1, 0, 2, 3, 0], graph.Ops.OfType<Op.Attention>().Select(op => op.Layer));
        Assert.Equal([2, 2, 2, 4], graph.KvLayers.Select(layer => layer.Heads));
        Assert.True(graph.NeedsWholeTexts);
    }

    [Theory]
    [InlineData(0, true, 0, 6)]
    [InlineData(0, false, 0, 9)]
    [InlineData(4, true, 2, 6)]
    [InlineData(4, false, 3, 8)]
    [InlineData(7, false, 2, 9)]
    [InlineData(20, true, 0, 6)]
    [InlineData(20, false, 0, 9)]
    public void View_OfPositionFiveOfNine_IsWhatTheRowSees(int window, bool isCausal, int first, int end) =>
        Assert.Equal((first, end), new AttentionSpec(1, 1, 8, 8, 1, window, IsCausal: isCausal).View(5, 9));

    [Fact]
    public void Scale_ByOne_AddsNothing()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        Assert.Equal(x, _graph.Scale(x, 1));
        Assert.NotEqual(x, _graph.Scale(x, 2));
    }

    [Fact]
    public void Print_OfAGraph_NamesEveryOpAndWeight()
    {
        var x = _graph.Embed(TestWeights.Matrix("token_embd", 32, 8));
        var text = GraphPrinter.Print(_graph.Build(_graph.Linear(_graph.PickRows(_graph.Scale(x, 0.5f)), TestWeights.Matrix("output", 32, 8))));
        foreach (var part in (string[])["Embed", "token_embd F32 32×8", "Scale", "by 0.5", "PickRows", "output F32 32×8", "v3[32]", "per output row"])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }
}
