using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Models;

/// <summary>A trained GPT-2 that sorts six letters of three, against the activations of its makers and against what it is for.</summary>
public sealed class SortingModelTests
{
    private const int Texts = 3;
    private const int Rows = 11;
    private const int Letters = 6;
    private const int Heads = 3;

    private static string Model => Golden.Path("trained", "gpt-nano-sort", "gpt-nano-sort-f32.gguf");

    [Fact]
    public void Activations_OfEveryStep_EqualThoseOfItsMakers()
    {
        // Scores that the mask hides are written as no JSON number; nothing here reads them.
        using var partials = JsonDocument.Parse(File.ReadAllText(Golden.Path("trained", "gpt-nano-sort", "partials.json")).Replace("-Infinity", "null", StringComparison.Ordinal));
        using var file = GgufFile.Open(Model);
        var graph = ModelLoader.Load(file).Graph;
        var tokens = Numbers("idx").Select(id => (int)id).ToArray();

        Close("tok_emb", graph.Ops.OfType<Op.Embed>().Single().Out);
        Close("x", Sum(graph.Ops.OfType<Op.EmbedPositions>().Single().Out));
        Close("ln1", Norm("blk.0.attn_norm"));
        Close("q", Product("blk.0.attn_q"), byHead: true);
        Close("k", Product("blk.0.attn_k"), byHead: true);
        Close("v", Product("blk.0.attn_v"), byHead: true);
        Close("y", graph.Ops.OfType<Op.Attention>().First().Out);
        Close("yProj", Product("blk.0.attn_output"));
        Close("attnResid", Sum(Product("blk.0.attn_output")));
        Close("ln2", Norm("blk.0.ffn_norm"));
        Close("fc", Product("blk.0.ffn_up"));
        Close("gelu", graph.Ops.OfType<Op.Activate>().First().Out);
        Close("mlp", Product("blk.0.ffn_down"));
        for (var layer = 0; layer < 3; layer++)
            Close($"block{layer}", Sum(Product($"blk.{layer}.ffn_down")));
        Close("ln_f", Norm("output_norm"));
        Close("lm_head", graph.Logits);

        float[] Numbers(string name) => [.. partials.RootElement.GetProperty(name).GetProperty("data").EnumerateArray().Select(number => number.GetSingle())];

        Value Norm(string gain) => graph.Ops.OfType<Op.Norm>().Single(norm => norm.Gain.Name == gain).Out;

        Value Product(string weight) => graph.Ops.OfType<Op.Linear>().SelectMany(linear => linear.Projections).Single(projection => projection.Weight.Name == weight).Out;

        Value Sum(Value part) => graph.Ops.OfType<Op.Add>().First(add => add.Left == part || add.Right == part).Out;

        void Close(string name, Value value, bool byHead = false)
        {
            // The graph up to this value, as if it were the result.
            var found = Run(graph with { Logits = value }, tokens);
            var expected = Numbers(name);
            Assert.Equal(expected.Length, found.Length);
            for (var i = 0; i < found.Length; i++)
                Assert.True(Math.Abs(expected[byHead ? ByHead(i, value.Width) : i] - found[i]) < 1e-4, $"{name}, number {i}: expected {expected[byHead ? ByHead(i, value.Width) : i]}, found {found[i]}");
        }
    }

    [Fact]
    public void GreedyTokens_OfAHundredRandomRows_AreSorted()
    {
        using var file = GgufFile.Open(Model);
        var graph = ModelLoader.Load(file).Graph;
        using var runner = new CpuBackend().Load(graph, new RunnerOptions { KvBlocks = 1, KvBlockTokens = 16, KvType = KvType.F32, MaxBatchRows = Rows, Threads = 1 });
        var random = new Random(100);
        for (var row = 0; row < 100; row++)
        {
            var letters = Enumerable.Range(0, Letters).Select(_ => random.Next(3)).ToArray();
            var found = new List<int>();
            var logits = new float[3];
            int[] next = letters;
            for (var past = 0; found.Count < Letters; past += next.Length, next = [found[^1]])
            {
                runner.Run(new Batch { Tokens = next, Slices = [new BatchSlice(next.Length, past, 0, 1)], KvBlocks = [0], OutputRows = [next.Length - 1] }, logits);
                found.Add(logits.IndexOf(logits.Max()));
            }

            Assert.Equal(letters.Order(), found);
        }
    }

    // Golden queries, keys and values are [texts × heads × rows × head width], ours [texts × rows × heads × head width].
    private static int ByHead(int index, int width)
    {
        var (text, row, column) = (index / width / Rows, index / width % Rows, index % width);
        var headWidth = width / Heads;
        return ((text * Heads + column / headWidth) * Rows + row) * headWidth + column % headWidth;
    }

    private static float[] Run(ModelGraph graph, int[] tokens)
    {
        using var runner = new ReferenceBackend().Load(graph, new RunnerOptions { KvBlocks = Texts, KvBlockTokens = 16, KvType = KvType.F32, MaxBatchRows = tokens.Length, MaxOutputRows = tokens.Length });
        var result = new float[tokens.Length * graph.Logits.Width];
        runner.Run(
            new Batch { Tokens = tokens, Slices = [.. Enumerable.Range(0, Texts).Select(text => new BatchSlice(Rows, 0, text, 1))], KvBlocks = [0, 1, 2], OutputRows = [.. Enumerable.Range(0, tokens.Length)] },
            result);
        return result;
    }
}
