using System.Diagnostics;

namespace EmbeddedLlm.KvCache;

/// <summary>
/// Keeps the books of a runner's KV blocks, in integers only: which are held by how many sequences, and what those hold or held before.
/// A block whose content is known is cached: a later sequence that begins with the same tokens holds it instead of computing it again.
/// Blocks that nobody holds are free; cached ones among them are evicted last, the longest unused first.
/// </summary>
/// <remarks>
/// Cached blocks form a tree: a block hangs under the one with the tokens before its own. Who holds a block holds its parents too, and a
/// sequence releases its last block first. So a block is never evicted before its children, and a parent's number stands for the whole
/// prefix before a block.
/// </remarks>
internal sealed class BlockPool
{
    /// <summary>No block.</summary>
    public const int None = -1;

    private readonly int[] _holders;                                        // [Count]; 0: free
    private readonly int[] _previous, _next;                                // [Count + 1] the ring of free blocks, next to go first; [Count] joins its ends
    private readonly int[] _parent, _firstChild, _previousSibling, _nextSibling;   // [Count + 1] the tree; [Count] is its root
    private readonly long[] _key;                                           // [Count]
    private readonly int[] _length;                                         // [Count] tokens of a cached block; 0: not cached
    private readonly int[] _tokens;                                         // [Count × BlockTokens] of cached blocks
    private readonly HashSet<int> _full;                                    // cached blocks without room, by what they hold
    private readonly HashSet<int>.AlternateLookup<Prefix> _prefixes;

    /// <param name="count">Blocks.</param>
    /// <param name="blockTokens">Positions in a block.</param>
    /// <param name="states">Snapshots of states behind blocks, which go where a block is no longer known; null for models without states.</param>
    public BlockPool(int count, int blockTokens, StatePool? states = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockTokens, 1);
        (Count, BlockTokens, Free, States) = (count, blockTokens, count, states);
        _holders = new int[count];
        (_previous, _next) = (new int[count + 1], new int[count + 1]);
        (_parent, _firstChild, _previousSibling, _nextSibling) = (new int[count + 1], new int[count + 1], new int[count + 1], new int[count + 1]);
        Array.Fill(_firstChild, None);
        _key = new long[count];
        _length = new int[count];
        _tokens = new int[count * blockTokens];
        _full = new(new PrefixComparer(this));
        _prefixes = _full.GetAlternateLookup<Prefix>();
        for (var i = 0; i <= count; i++)
            (_previous[i], _next[i]) = ((i + count) % (count + 1), (i + 1) % (count + 1));
    }

    /// <summary>Blocks in all.</summary>
    public int Count { get; }

    /// <summary>Positions in a block.</summary>
    public int BlockTokens { get; }

    /// <summary>The states behind blocks, without which a block cannot be shared; null for models without states.</summary>
    public StatePool? States { get; }

    /// <summary>Blocks that nobody holds, cached ones included.</summary>
    public int Free { get; private set; }

    /// <summary>Blocks whose content may be shared, held ones included.</summary>
    public int Cached { get; private set; }

    /// <summary>How many blocks so many positions need.</summary>
    public int BlocksFor(int positions) => (positions + BlockTokens - 1) / BlockTokens;

    /// <summary>How many hold a block.</summary>
    public int Holders(int block) => _holders[block];

    /// <summary>Whether a block can be found by its content.</summary>
    public bool IsCached(int block) => _length[block] > 0;

    /// <summary>Takes a free block, held once; evicts the longest unused one if it must. There must be one.</summary>
    public int Take()
    {
        var block = _next[Count];
        if (block == Count)
            throw new InvalidOperationException("No KV block is free.");
        if (IsCached(block))
            Uncache(block);
        Hold(block);
        return block;
    }

    /// <summary>Holds a block once more.</summary>
    public void Hold(int block)
    {
        if (_holders[block]++ > 0)
            return;
        (_next[_previous[block]], _previous[_next[block]]) = (_next[block], _previous[block]);
        Free--;
    }

    /// <summary>Gives back what <see cref="Hold"/> or <see cref="Take"/> took. A sequence gives its last block back first.</summary>
    public void Release(int block)
    {
        if (_holders[block] <= 0)
            throw new InvalidOperationException($"KV block {block} is released but not held.");
        if (--_holders[block] > 0)
            return;
        var before = IsCached(block) ? _previous[Count] : Count;            // cached ones go last, others first
        var after = _next[before];
        (_previous[block], _next[block]) = (before, after);
        (_next[before], _previous[after]) = (block, block);
        Free++;
    }

    /// <summary>The cached block that holds exactly these tokens, a whole block of them; <see cref="None"/> if there is none.</summary>
    /// <param name="key">Blocks are shared only under the same key.</param>
    /// <param name="parent">The block with the tokens before; <see cref="None"/> at the beginning.</param>
    /// <param name="tokens">[BlockTokens]</param>
    public int Find(long key, int parent, ReadOnlySpan<int> tokens) => _prefixes.TryGetValue(new(key, parent, tokens), out var block) ? block : None;

    /// <summary>The cached block that begins with the most of these tokens, to be copied; <see cref="None"/> if not even the first agrees.</summary>
    /// <param name="key">Blocks are shared only under the same key.</param>
    /// <param name="parent">The block with the tokens before; <see cref="None"/> at the beginning.</param>
    /// <param name="tokens">Any number of tokens.</param>
    /// <param name="length">How many of them it holds.</param>
    public int FindLongest(long key, int parent, ReadOnlySpan<int> tokens, out int length)
    {
        var found = None;
        length = 0;
        for (var block = _firstChild[Node(parent)]; block != None; block = _nextSibling[block])
        {
            if (_key[block] != key)
                continue;
            var common = Tokens(block).CommonPrefixLength(tokens);
            if (common > length)
                (found, length) = (block, common);
        }
        return found;
    }

    /// <summary>
    /// Makes a held block findable by its content. If another block is known to hold the same, or more after the same, that one is
    /// returned and this one stays unknown. So does a block whose parent is unknown.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="key">Blocks are shared only under the same key.</param>
    /// <param name="parent">The block with the tokens before; <see cref="None"/> at the beginning.</param>
    /// <param name="tokens">[1 … BlockTokens] what it holds.</param>
    /// <returns>The block to be found under these tokens.</returns>
    public int Cache(int block, long key, int parent, ReadOnlySpan<int> tokens)
    {
        if (parent != None && !IsCached(parent))
            return block;
        var isFull = tokens.Length == BlockTokens;
        var length = tokens.Length;
        var known = isFull ? Find(key, parent, tokens) : FindLongest(key, parent, tokens, out length);
        if (known != None && length == tokens.Length)
            return known;

        Debug.Assert(!IsCached(block) && _firstChild[block] == None && (parent == None || _length[parent] == BlockTokens));
        tokens.CopyTo(_tokens.AsSpan(block * BlockTokens));
        (_key[block], _parent[block], _length[block]) = (key, parent, tokens.Length);
        var first = _firstChild[Node(parent)];
        (_previousSibling[block], _nextSibling[block]) = (None, first);
        if (first != None)
            _previousSibling[first] = block;
        _firstChild[Node(parent)] = block;
        if (isFull)
            _full.Add(block);
        Cached++;
        return block;
    }

    /// <summary>Makes a block and all that follow it unknown. Who holds them keeps them.</summary>
    public void Forget(int block)
    {
        if (!IsCached(block))
            return;
        // Down to a leaf, cut it off, up again: no recursion, however long the chain.
        for (var node = block; ;)
        {
            while (_firstChild[node] != None)
                node = _firstChild[node];
            var parent = _parent[node];
            Uncache(node);
            if (node == block)
                return;
            node = parent;
        }
    }

    private void Uncache(int block)
    {
        Debug.Assert(_firstChild[block] == None);
        if (_length[block] == BlockTokens)
            _full.Remove(block);
        var (previous, next) = (_previousSibling[block], _nextSibling[block]);
        if (previous == None)
            _firstChild[Node(_parent[block])] = next;
        else
            _nextSibling[previous] = next;
        if (next != None)
            _previousSibling[next] = previous;
        _length[block] = 0;
        Cached--;
        States?.Drop(block);
    }

    private int Node(int parent) => parent == None ? Count : parent;

    private ReadOnlySpan<int> Tokens(int block) => _tokens.AsSpan(block * BlockTokens, _length[block]);

    /// <summary>The tokens of one block, and what stands before them.</summary>
    private readonly ref struct Prefix(long key, int parent, ReadOnlySpan<int> tokens)
    {
        public readonly long Key = key;
        public readonly int Parent = parent;
        public readonly ReadOnlySpan<int> Tokens = tokens;
    }

    /// <summary>Finds blocks by hash, then compares them token by token.</summary>
    private sealed class PrefixComparer(BlockPool pool) : IEqualityComparer<int>, IAlternateEqualityComparer<Prefix, int>
    {
        public bool Equals(int x, int y) => x == y;

        public int GetHashCode(int block) => GetHashCode(Of(block));

        public bool Equals(Prefix prefix, int block)
        {
            var other = Of(block);
            return prefix.Key == other.Key && prefix.Parent == other.Parent && prefix.Tokens.SequenceEqual(other.Tokens);
        }

        public int GetHashCode(Prefix prefix)
        {
            var hash = new HashCode();
            hash.Add(prefix.Key);
            hash.Add(prefix.Parent);
            hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(prefix.Tokens));
            return hash.ToHashCode();
        }

        public int Create(Prefix alternate) => throw new NotSupportedException("Blocks are added by number.");

        private Prefix Of(int block) => new(pool._key[block], pool._parent[block], pool.Tokens(block));
    }
}
