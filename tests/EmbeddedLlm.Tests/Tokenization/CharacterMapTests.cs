using System.Buffers.Binary;
using System.Text;
using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class CharacterMapTests
{
    private const string Key = "tokenizer.ggml.precompiled_charsmap";

    [Fact]
    public void Map_Sequences_AreReplacedTheLongestFirst()
    {
        var map = Read(Make(("é", "e"), ("ﬁ", "fi"), ("ab", "x"), ("abc", "y"), ("\u200B", "")));

        Assert.Equal("e fi x y xdx", map.Map("é ﬁ ab abc abd\u200Bab"));
        Assert.Equal("🙂a\uFFFD", map.Map("🙂a\uD83D"));
    }

    [Fact]
    public void Read_NoMap_IsNull()
    {
        Assert.Null(CharacterMap.Read(VocabularyFiles.Metadata()));
        Assert.Null(CharacterMap.Read(VocabularyFiles.Metadata((Key, GgufValue.Of(Array.Empty<int>())))));
    }

    [Fact]
    public void Encode_FileWithAMap_NormalizesFirst()
    {
        var metadata = VocabularyFiles.Unigram(("▁", -1), ("e", -2)).With(Key, GgufValue.Of([.. Make(("é", "e"), ("\t", " ")).Select(value => (int)value)]));
        var tokenizer = Tokenizer.FromGguf(metadata);

        Assert.Equal([3, 4, 3, 4], tokenizer.Encode("\té\t\te\t", addSpecial: false));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public void Read_LengthsThatDoNotFit_AreRefusedByKey(int trie)
    {
        var bytes = Make(("é", "e"));
        BinaryPrimitives.WriteInt32LittleEndian(bytes, trie);

        var message = Assert.Throws<ModelFormatException>(() => Read(bytes)).Message;
        Assert.StartsWith($"{VocabularyFiles.Source}: metadata key '{Key}'", message);
    }

    [Fact]
    public void Read_TextLongerThanAnyNormalization_IsRefused() =>
        Assert.Throws<ModelFormatException>(() => Read(Make(("é", new string('e', 1000)))));

    [Fact]
    public void Map_AnyBytes_GiveTextOrATypedError()
    {
        var good = Make(("é", "e"), ("ab", "x"), ("abc", "y"));
        Gen.Select(Gen.Int[4, good.Length - 1], Gen.Byte).Array[1, 8].Sample(changes =>
        {
            var bytes = good.ToArray();
            foreach (var (at, value) in changes)
                bytes[at] = value;
            try
            {
                Read(bytes).Map("abcéabd " + new string('a', 100));
            }
            catch (ModelFormatException exception)
            {
                Assert.Contains(Key, exception.Message);
            }
        }, iter: 2000);
    }

    private static CharacterMap Read(byte[] bytes) => CharacterMap.Read(VocabularyFiles.Metadata((Key, GgufValue.Of([.. bytes.Select(value => (int)value)]))))!;

    /// <summary>A map as SentencePiece writes it. Every node's children have 256 units of their own, which wastes room and needs no search for it.</summary>
    private static byte[] Make(params (string From, string To)[] entries)
    {
        var units = new List<uint>(new uint[256]);
        var texts = new List<byte>();
        Fill(0, [.. entries.Select(entry => (Encoding.UTF8.GetBytes(entry.From), entry.To))]);
        var bytes = new byte[4 + (units.Count * 4) + texts.Count];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, units.Count * 4);
        for (var i = 0; i < units.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 + (i * 4)), units[i]);
        texts.CopyTo(bytes, 4 + (units.Count * 4));
        return bytes;

        void Fill(int node, (byte[] From, string To)[] below)
        {
            // Children stand at the node's place XOR the distance XOR their label: here at the beginning of a block and their label.
            var children = units.Count;
            units.AddRange(new uint[256]);
            units[node] |= (uint)(children ^ node) << 10;
            foreach (var group in below.Where(entry => entry.From.Length > 0).GroupBy(entry => entry.From[0]))
            {
                var child = children + group.Key;
                units[child] = group.Key;
                var deeper = group.Select(entry => (entry.From[1..], entry.To)).ToArray();
                if (deeper.Any(entry => entry.Item1.Length == 0))
                    units[child] |= 0x100;
                Fill(child, deeper);
            }
            if (below.FirstOrDefault(entry => entry.From.Length == 0) is { To: { } text })
            {
                units[children] = 0x8000_0000 | (uint)texts.Count;
                texts.AddRange([.. Encoding.UTF8.GetBytes(text), 0]);
            }
        }
    }
}
