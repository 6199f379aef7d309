using CsCheck;
using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Tests.KvCache;

public sealed class BlockTableTests
{
    [Fact]
    public void TryOpenedSamePrompt_SharesAllButTheLastToken()
    {
        var memory = new FakeMemory(8, 4);
        int[] prompt = [1, 2, 3, 4, 5, 6, 7, 8];
        memory.Compute(memory.Open(prompt)!);

        var second = memory.Open(prompt)!;
        Assert.Equal(7, second.Computed);                                   // one whole block shared, three tokens of the next copied
        Assert.Equal(1, memory.Copies);
    }

    [Fact]
    public void TryOpenedSequenceGoesOn_SharesItsPartlyFilledBlock()
    {
        var memory = new FakeMemory(8, 4);
        var first = memory.Open([1, 2, 3, 4, 5, 6])!;
        memory.Compute(first);
        memory.Close(first);
        Assert.Equal(6, memory.Open([1, 2, 3, 4, 5, 6, 9, 9, 9])!.Computed);
    }

    [Fact]
    public void TryOpenedOtherKey_SharesNothing()
    {
        var memory = new FakeMemory(8, 4);
        memory.Compute(memory.Open([1, 2, 3, 4, 5])!);
        Assert.Equal(0, memory.Open([1, 2, 3, 4, 5], key: 1)!.Computed);
    }

    [Fact]
    public void TryOpenedTooFewBlocks_TakesNothing()
    {
        var memory = new FakeMemory(4, 4);
        memory.Compute(memory.Open([1, 2, 3, 4, 5, 6, 7, 8])!);
        Assert.Null(memory.Open([1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]));
        Assert.Equal(2, memory.Pool.Free);
        Assert.Null(memory.Open([3, 3], spare: 2));
        Assert.Equal(2, memory.Pool.Free);
        Assert.NotNull(memory.Open([3, 3], spare: 1));
    }

    [Fact]
    public void TryOpenedOnlyTheBlockToCopyIsLeft_TakesItInstead()
    {
        var memory = new FakeMemory(2, 4);
        var first = memory.Open([1, 2, 3, 4, 5, 6, 7, 8])!;
        memory.Compute(first);
        memory.Close(first);
        var second = memory.Open([1, 9, 9, 9, 9, 9, 9, 9])!;                // needs both blocks: the partly equal one cannot be kept
        Assert.Equal(0, second.Computed);
        Assert.Equal(0, memory.Copies);
    }

    [Fact]
    public void OfferFull_SameContentTwice_KeepsOneBlock()
    {
        var memory = new FakeMemory(8, 4);
        int[] prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        var (first, second) = (memory.Open(prompt)!, memory.Open(prompt)!);
        Assert.Equal(2, memory.Pool.Free);
        memory.Compute(first);
        memory.Compute(second);
        Assert.Equal(4, memory.Pool.Free);
        Assert.Equal(first.Table.Blocks[..2].ToArray(), second.Table.Blocks[..2].ToArray());
    }

    [Fact]
    public void Discard_FailedSequence_IsNotFoundAgain()
    {
        var memory = new FakeMemory(8, 4);
        var first = memory.Open([1, 2, 3, 4, 5, 6, 7, 8])!;
        memory.Compute(first);
        memory.Discard(first);
        Assert.Equal(8, memory.Pool.Free);
        Assert.Equal(0, memory.Open([1, 2, 3, 4, 5, 6, 7, 8])!.Computed);
    }

    /// <summary>Whatever is opened, computed, grown, closed and discarded in whatever order: every position shows the right tokens.</summary>
    [Fact]
    public void Tables_AnyOrderOfUse_SeeTheirOwnTokens()
        => Gen.Select(Gen.Int[2, 12], Gen.Int[1, 4], Gen.Select(Gen.Int[0, 5], Gen.Int[0, 1000], Gen.Int[0, 2].Array[1, 14]).Array[1, 60]).Sample((blocks, blockTokens, actions) =>
        {
            var memory = new FakeMemory(blocks, blockTokens);
            foreach (var (action, pick, tokens) in actions)
            {
                var open = memory.Opened;
                if (action <= 1)
                    memory.Open(tokens, key: pick % 5 == 0 ? 1 : 0, spare: pick % 3);
                else if (open.Count > 0)
                {
                    var sequence = open[pick % open.Count];
                    if (action == 2)
                        memory.Compute(sequence, 1 + pick % 5);
                    else if (action == 3)
                        memory.Append(sequence, pick % 3);
                    else if (action == 4)
                        memory.Close(sequence);
                    else
                        memory.Discard(sequence);
                }
                memory.Check();
            }
            foreach (var sequence in memory.Opened.ToArray())
                memory.Close(sequence);
            memory.Check();
            Assert.Equal(blocks, memory.Pool.Free);
        }, iter: 3000);

    private sealed class Sequence(BlockTable table, List<int> tokens, long key)
    {
        public BlockTable Table { get; } = table;
        public List<int> Tokens { get; } = tokens;
        public long Key { get; } = key;
        public int Computed { get; set; }
    }

    /// <summary>KV memory whose content at a position is the key and all tokens up to it, so that any mistake in the books shows.</summary>
    private sealed class FakeMemory(int blocks, int blockTokens)
    {
        private readonly string[] _content = new string[blocks * blockTokens];

        public BlockPool Pool { get; } = new(blocks, blockTokens);

        public List<Sequence> Opened { get; } = [];

        public int Copies { get; private set; }

        public Sequence? Open(int[] tokens, long key = 0, int spare = 0)
        {
            var sequence = new Sequence(new(Pool, key), [.. tokens], key);
            if (!sequence.Table.TryOpen(tokens, spare, out var cached, out var from, out var to))
                return null;
            if (from != BlockPool.None)
            {
                Copies++;
                Array.Copy(_content, from * blockTokens, _content, to * blockTokens, blockTokens);
            }
            sequence.Computed = cached;
            Assert.True(cached < tokens.Length && sequence.Table.Positions >= tokens.Length);
            Opened.Add(sequence);
            return sequence;
        }

        public void Compute(Sequence sequence, int rows = int.MaxValue)
        {
            for (; rows > 0 && sequence.Computed < sequence.Tokens.Count; rows--, sequence.Computed++)
                _content[Slot(sequence, sequence.Computed)] = Expected(sequence, sequence.Computed);
            sequence.Table.OfferFull([.. sequence.Tokens], sequence.Computed);
        }

        public void Append(Sequence sequence, int token)
        {
            if (sequence.Tokens.Count < sequence.Table.Positions || sequence.Table.TryGrow())
                sequence.Tokens.Add(token);
        }

        public void Close(Sequence sequence)
        {
            sequence.Table.Close([.. sequence.Tokens], sequence.Computed);
            Opened.Remove(sequence);
        }

        public void Discard(Sequence sequence)
        {
            sequence.Table.Discard();
            Opened.Remove(sequence);
        }

        public void Check()
        {
            foreach (var sequence in Opened)
                for (var position = 0; position < sequence.Computed; position++)
                    Assert.Equal(Expected(sequence, position), _content[Slot(sequence, position)]);
            var held = Opened.SelectMany(s => s.Table.Blocks.ToArray()).CountBy(b => b).ToDictionary();
            for (var block = 0; block < blocks; block++)
                Assert.Equal(held.GetValueOrDefault(block), Pool.Holders(block));
            Assert.Equal(blocks - held.Count, Pool.Free);
            Assert.Equal(Enumerable.Range(0, blocks).Count(Pool.IsCached), Pool.Cached);
        }

        private int Slot(Sequence sequence, int position) => sequence.Table.Blocks[position / blockTokens] * blockTokens + position % blockTokens;

        private static string Expected(Sequence sequence, int position) => $"{sequence.Key}:{string.Join(' ', sequence.Tokens.Take(position + 1))}";
    }
}
