using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Tests.KvCache;

public sealed class BlockPoolTests
{
    private const int None = BlockPool.None;

    [Fact]
    public void Take_AllBlocks_GivesEachOnce()
    {
        var pool = new BlockPool(5, 4);
        Assert.Equal([0, 1, 2, 3, 4], Enumerable.Range(0, 5).Select(_ => pool.Take()).Order());
        Assert.Equal(0, pool.Free);
        Assert.Throws<InvalidOperationException>(() => pool.Take());
    }

    [Fact]
    public void Release_NotHeld_Throws() => Assert.Throws<InvalidOperationException>(() => new BlockPool(2, 4).Release(0));

    [Fact]
    public void Find_CachedBlock_NeedsEqualTokensParentAndKey()
    {
        var pool = new BlockPool(4, 2);
        var (first, second) = (pool.Take(), pool.Take());
        Assert.Equal(first, pool.Cache(first, 7, None, [1, 2]));
        Assert.Equal(second, pool.Cache(second, 7, first, [1, 2]));

        Assert.Equal(first, pool.Find(7, None, [1, 2]));
        Assert.Equal(second, pool.Find(7, first, [1, 2]));
        Assert.Equal(None, pool.Find(7, None, [1, 3]));
        Assert.Equal(None, pool.Find(8, None, [1, 2]));
        Assert.Equal(None, pool.Find(7, second, [1, 2]));
    }

    [Fact]
    public void Cache_SameContentAgain_GivesTheFirstBlock()
    {
        var pool = new BlockPool(4, 2);
        var (first, again) = (pool.Take(), pool.Take());
        pool.Cache(first, 0, None, [1, 2]);
        Assert.Equal(first, pool.Cache(again, 0, None, [1, 2]));
        Assert.False(pool.IsCached(again));
        Assert.Equal(1, pool.Cached);
    }

    [Fact]
    public void FindLongest_PartlyEqualBlocks_GivesTheLongest()
    {
        var pool = new BlockPool(4, 4);
        var (a, b, c) = (pool.Take(), pool.Take(), pool.Take());
        pool.Cache(a, 0, None, [1, 2, 3, 4]);
        pool.Cache(b, 0, None, [1, 2, 9]);
        pool.Cache(c, 1, None, [1, 2, 9, 9]);
        Assert.Equal(b, pool.FindLongest(0, None, [1, 2, 9, 9, 9], out var length));
        Assert.Equal(3, length);
        Assert.Equal(a, pool.FindLongest(0, None, [1, 2, 3, 9], out length));
        Assert.Equal(3, length);
        Assert.Equal(None, pool.FindLongest(0, None, [2], out _));
    }

    [Fact]
    public void Take_MemoryShort_EvictsTheLongestUnusedFirst()
    {
        var pool = new BlockPool(3, 1);
        int[] blocks = [pool.Take(), pool.Take(), pool.Take()];
        for (var i = 0; i < 3; i++)
            pool.Cache(blocks[i], 0, None, [i]);
        pool.Release(blocks[1]);
        pool.Release(blocks[0]);
        pool.Release(blocks[2]);

        pool.Hold(pool.Find(0, None, [1]));                                 // used again, so 0 is the oldest now
        pool.Release(blocks[1]);
        Assert.Equal(blocks[0], pool.Take());
        Assert.Equal(None, pool.Find(0, None, [0]));
        Assert.Equal(blocks[2], pool.Take());
        Assert.Equal(blocks[1], pool.Find(0, None, [1]));
    }

    [Fact]
    public void Take_UncachedBlockIsFree_EvictsNothing()
    {
        var pool = new BlockPool(2, 1);
        var (cached, other) = (pool.Take(), pool.Take());
        pool.Cache(cached, 0, None, [5]);
        pool.Release(cached);
        pool.Release(other);
        Assert.Equal(other, pool.Take());
        Assert.Equal(cached, pool.Find(0, None, [5]));
    }

    [Fact]
    public void Forget_BlockWithChildren_ForgetsThemToo()
    {
        var pool = new BlockPool(5, 1);
        int[] b = [.. Enumerable.Range(0, 5).Select(_ => pool.Take())];
        pool.Cache(b[0], 0, None, [0]);
        pool.Cache(b[1], 0, b[0], [1]);
        pool.Cache(b[2], 0, b[1], [2]);
        pool.Cache(b[3], 0, b[1], [3]);
        pool.Cache(b[4], 0, None, [4]);
        pool.Forget(b[1]);
        Assert.Equal([true, false, false, false, true], b.Select(pool.IsCached));
        Assert.Equal(2, pool.Cached);
        Assert.Equal(b[2], pool.Cache(b[2], 0, b[1], [2]));                 // its parent is unknown: stays unknown
        Assert.False(pool.IsCached(b[2]));
    }
}
