using EmbeddedLlm.Backends;
using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Engine;

/// <summary>
/// Copies the KV blocks of a known prefix out of a runner, and makes a prefix known whose blocks were copied before. Used between steps only; nothing stays
/// held from one call to the next, so a long copy takes memory from no request, and ends early where its blocks give way to one.
/// </summary>
internal sealed class PrefixBlocks(IModelRunner runner, BlockPool pool)
{
    /// <summary>Reads blocks as far as they are known.</summary>
    /// <param name="key">The key that the tokens were computed under.</param>
    /// <param name="tokens">The sequence from its beginning.</param>
    /// <param name="first">The first block to read.</param>
    /// <param name="bytes">[blocks × <see cref="IModelRunner.KvBlockBytes"/>]</param>
    /// <returns>Positions read; the last block may be one in part, and is then the end.</returns>
    public int Read(long key, ReadOnlySpan<int> tokens, int first, Span<byte> bytes)
    {
        var size = runner.KvBlockBytes;
        var last = first + bytes.Length / size;
        var (parent, positions) = (BlockPool.None, 0);
        for (var i = 0; i < last && !tokens.IsEmpty; i++)
        {
            var block = Find(key, parent, tokens, out var length);
            if (length == 0)
                break;
            if (i >= first)
            {
                runner.ReadKvBlock(block, length, bytes.Slice((i - first) * size, size));
                positions += length;
            }

            if (length < pool.BlockTokens)
                break;
            parent = block;
            tokens = tokens[length..];
        }

        return positions;
    }

    /// <summary>Writes blocks for as long as there is room: what others hold is left alone, what was cached longest ago gives way.</summary>
    /// <param name="key">Only sequences of this key will find them.</param>
    /// <param name="tokens">The sequence from its beginning, no longer than the blocks to write.</param>
    /// <param name="first">The first block to write; those before it were written by earlier calls.</param>
    /// <param name="bytes">[blocks × <see cref="IModelRunner.KvBlockBytes"/>]</param>
    /// <returns>Positions from the beginning that are known now.</returns>
    public int Write(long key, ReadOnlySpan<int> tokens, int first, ReadOnlySpan<byte> bytes)
    {
        var size = runner.KvBlockBytes;
        var (parent, positions) = (BlockPool.None, 0);
        var held = new List<int>();                                         // lest one evicts another
        try
        {
            for (var i = 0; positions < tokens.Length; i++)
            {
                var own = tokens.Slice(positions, Math.Min(pool.BlockTokens, tokens.Length - positions));
                var block = Find(key, parent, own, out var length);
                if (length == own.Length)
                {
                    pool.Hold(block);
                    held.Add(block);
                }
                else
                {
                    if (i < first || pool.Free == 0)
                        break;
                    block = pool.Take();
                    held.Add(block);
                    runner.WriteKvBlock(block, bytes.Slice((i - first) * size, size));
                    pool.Cache(block, key, parent, own);
                }

                parent = block;
                positions += own.Length;
            }

            return positions;
        }
        finally
        {
            for (var i = held.Count - 1; i >= 0; i--)
                pool.Release(held[i]);
        }
    }

    private int Find(long key, int parent, ReadOnlySpan<int> tokens, out int length)
    {
        if (tokens.Length >= pool.BlockTokens && pool.Find(key, parent, tokens[..pool.BlockTokens]) is var whole and not BlockPool.None)
        {
            length = pool.BlockTokens;
            return whole;
        }

        return pool.FindLongest(key, parent, tokens, out length);
    }
}
