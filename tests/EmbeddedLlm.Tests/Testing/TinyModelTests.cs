using EmbeddedLlm.Backends;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Testing;

public sealed class TinyModelTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Write_Twice_GivesTheSameSmallFile()
    {
        using var first = new MemoryStream();
        using var second = new MemoryStream();
        using var other = new MemoryStream();
        TinyModel.WriteTo(first);
        TinyModel.WriteTo(second);
        TinyModel.WriteTo(other, seed: 1);
        Assert.Equal(first.ToArray(), second.ToArray());
        Assert.NotEqual(first.ToArray(), other.ToArray());
        Assert.InRange(first.Length, 100_000, 500_000);
    }

    [Theory]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_K)]
    public void Write_InAFormat_CanBeLoaded(GgmlType format)
    {
        TinyModel.Write(_path, format);
        using var file = GgufFile.Open(_path);
        var loaded = ModelLoader.Load(file);
        Assert.Equal(2048, loaded.Spec.ContextLength);
        Assert.Equal(format, file.Tensors[0].Type);
    }

    [Fact]
    public void Vocabulary_OfTheModel_SpellsAnyText()
    {
        TinyModel.Write(_path);
        using var file = GgufFile.Open(_path);
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        foreach (var text in (string[])["The boat went down the river.", "Grüße, 世界! 🎈", " \n\t"])
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        Assert.True(tokenizer.Encode("The boat went down the river.").Length < 20);
        Assert.True(tokenizer.TryGetId("<|im_end|>", out var end));
        Assert.Contains(end, tokenizer.EndOfGeneration);
    }

    [Fact]
    public void Babble_AfterAPrompt_IsVariedAndEnds()
    {
        TinyModel.Write(_path);
        using var file = GgufFile.Open(_path);
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        var loaded = ModelLoader.Load(file);
        var texts = Enumerable.Range(0, 4).Select(seed => Babble(loaded, tokenizer, $"<|im_start|>user\nTell me a story {seed}.<|im_end|>\n<|im_start|>assistant\n", seed)).ToArray();

        Assert.Equal(texts.Length, texts.Distinct().Count());
        Assert.All(texts, text => Assert.InRange(text.Length, 10, 2000));
        Assert.All(texts.SelectMany(text => text), letter => Assert.True(letter is >= ' ' and <= '~', $"U+{(int)letter:X4}"));
        Assert.Contains(texts, text => text.Contains(" the ", StringComparison.Ordinal));
    }

    // Samples among the ten likeliest tokens until the end of the turn.
    private static string Babble(LoadedGraph loaded, Tokenizer tokenizer, string prompt, int seed)
    {
        using var runner = new ReferenceBackend().Load(loaded.Graph, new RunnerOptions { KvBlocks = 1, KvBlockTokens = 512, KvType = KvType.F32 });
        var random = new Random(seed);
        var logits = new float[loaded.Spec.VocabularySize];
        var next = tokenizer.Encode(prompt);
        var found = new List<int>();
        for (var past = 0; found.Count < 300; past += next.Length, next = [found[^1]])
        {
            runner.Run(new Batch { Tokens = next, Slices = [new BatchSlice(next.Length, past, 0, 1)], KvBlocks = [0], OutputRows = [next.Length - 1] }, logits);
            var likely = logits.Index().OrderByDescending(entry => entry.Item).Take(10).ToArray();
            var weights = likely.Select(entry => Math.Exp((entry.Item - likely[0].Item) / 0.8)).ToArray();
            var point = random.NextDouble() * weights.Sum();
            var choice = 0;
            while (choice < weights.Length - 1 && (point -= weights[choice]) > 0)
                choice++;
            if (tokenizer.EndOfGeneration.Contains(likely[choice].Index))
                return tokenizer.Decode([.. found]);
            found.Add(likely[choice].Index);
        }

        Assert.Fail($"No end: {tokenizer.Decode([.. found])}");
        return "";
    }
}
