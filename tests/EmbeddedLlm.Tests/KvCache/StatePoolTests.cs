using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Tests.KvCache;

public sealed class StatePoolTests
{
    [Fact]
    public void Take_NoSlotIsFree_GivesUpTheLongestUnusedSnapshot()
    {
        var pool = new StatePool(3);
        var (first, second, third) = (pool.Keep(10), pool.Keep(11), pool.Keep(12));
        pool.Touch(10);
        Assert.Equal(second, pool.Take());
        Assert.Equal((first, StatePool.None, third), (pool.Find(10), pool.Find(11), pool.Find(12)));
        Assert.Equal(third, pool.Take());
        Assert.Equal(first, pool.Take());
        Assert.Equal((3, 0), (pool.Held, pool.Snapshots));
        Assert.Throws<InvalidOperationException>(() => pool.Take());
    }

    [Fact]
    public void Keep_SequencesHoldAllSlots_KeepsNothing()
    {
        var pool = new StatePool(1);
        var slot = pool.Take();
        Assert.Equal(StatePool.None, pool.Keep(5));
        pool.Release(slot);
        Assert.Equal(slot, pool.Keep(5));
        Assert.Equal(StatePool.None, pool.Keep(5));
        Assert.Equal(slot, pool.Keep(6));
        Assert.Equal(StatePool.None, pool.Find(5));
    }

    [Fact]
    public void Uncached_BlockOfASnapshot_TakesItAlong()
    {
        var states = new StatePool(2);
        var blocks = new BlockPool(2, 2, states);
        var block = blocks.Take();
        blocks.Cache(block, 0, BlockPool.None, [1, 2]);
        states.Keep(block);
        blocks.Forget(block);
        Assert.Equal((0, 0), (states.Snapshots, states.Held));
    }

    [Fact]
    public void DropAll_OfSome_FreesThem()
    {
        var pool = new StatePool(2);
        pool.Keep(1);
        pool.Keep(2);
        pool.DropAll();
        Assert.Equal((0, 0), (pool.Snapshots, pool.Held));
        pool.Take();
        pool.Take();
    }
}
