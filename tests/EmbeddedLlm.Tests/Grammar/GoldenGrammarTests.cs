using System.IO.Compression;
using System.Text;
using System.Text.Json;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>GBNF against llama.cpp: what it accepts, and its masks bit for bit.</summary>
public sealed class GoldenGrammarTests
{
    [Fact]
    public void FillMask_GoldenMasks_AreEqualBitForBit()
    {
        var tokenizer = GrammarTesting.Golden("gpt-2");
        using var packed = new GZipStream(File.OpenRead(Golden.Path("grammar-masks", "gpt-2.bits.gz")), CompressionMode.Decompress);
        using var unpacked = new MemoryStream();
        packed.CopyTo(unpacked);
        var bits = unpacked.ToArray();
        var count = 0;
        foreach (var row in Rows("grammar-masks", "gpt-2.jsonl"))
        {
            var constraint = Constraint.FromGbnf(row.GetProperty("grammar").GetString()!, tokenizer);
            var state = constraint.Start();
            Assert.All(row.GetProperty("prefix_tokens").EnumerateArray(), token => Assert.True(state.Accept(token.GetInt32())));
            var mask = new ulong[constraint.MaskLength];
            state.FillMask(mask);

            var expected = bits.AsSpan(row.GetProperty("offset").GetInt32(), row.GetProperty("bytes").GetInt32());
            var wrong = new List<int>();
            for (var id = 0; id < tokenizer.VocabularySize; id++)
            {
                if (GrammarTesting.Allows(mask, id) != ((expected[id >> 3] >> (id & 7) & 1) != 0))
                    wrong.Add(id);
            }
            Assert.Empty(wrong);
            count++;
        }
        Assert.Equal(183, count);
    }

    [Fact]
    public void FromGbnf_GoldenGroups_AcceptAndRefuseTheSameTexts()
    {
        var tokenizer = GrammarTesting.Golden("gpt-2");
        var count = 0;
        foreach (var row in Rows("grammar", "grammar_integration.jsonl"))
        {
            var grammar = (row.TryGetProperty("llamacpp_grammar", out var converted) ? converted : row.GetProperty("grammar")).GetString()!;
            var constraint = Constraint.FromGbnf(grammar, tokenizer);
            foreach (var (list, passes) in new[] { ("pass", true), ("fail", false) })
            {
                if (!row.TryGetProperty(list, out var texts))
                    continue;
                foreach (var text in texts.EnumerateArray().Select(text => text.GetString()!))
                {
                    Assert.True(passes == Accepts(constraint, tokenizer, text), $"{row.GetProperty("desc")}: {text} should {list}");
                    count++;
                }
            }
        }
        Assert.True(count > 380);
    }

    [Fact]
    public void FromGbnf_SampleGrammars_Compile()
    {
        foreach (var file in Directory.GetFiles(Golden.Path("grammar", "gbnf"), "*.gbnf"))
            Assert.True(Constraint.FromGbnf(File.ReadAllText(file), GrammarTesting.Golden("gpt-2")).MaskLength > 0);
    }

    // Tokens by themselves stand in the golden texts as U+FFFD and four bytes of an id. The text between them then counts token by token.
    private static bool Accepts(Constraint constraint, Tokenizer tokenizer, string text)
    {
        if (!text.Contains('\uFFFD'))
            return GrammarTesting.Accepts(constraint, text);
        var state = constraint.Start();
        for (var i = 0; i < text.Length; i++)
        {
            var token = text[i] == '\uFFFD' ? (text[i + 1] << 24) | (text[i + 2] << 16) | (text[i + 3] << 8) | text[i + 4] : tokenizer.Encode(text.Substring(i, 1), false, false)[0];
            if (!state.Accept(token))
                return false;
            i += text[i] == '\uFFFD' ? 4 : 0;
        }
        return state.IsComplete;
    }

    private static IEnumerable<JsonElement> Rows(string folder, string file) =>
        File.ReadLines(Golden.Path(folder, file), Encoding.UTF8).Select(line => JsonDocument.Parse(line).RootElement);
}
