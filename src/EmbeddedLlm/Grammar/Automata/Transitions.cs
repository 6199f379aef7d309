using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Grammar.Automata;

/// <summary>Where each byte leads, filled as it becomes known. Bytes that lead to one target share an entry.</summary>
internal sealed class Transitions<T> where T : class
{
    private T?[] _targets = new T?[4];
    private ByteSet[] _bytes = new ByteSet[4];
    private int _count = 1;
    private Entries _entries;

    /// <summary>The target of a byte, or null where it is not known yet.</summary>
    public T? this[byte b] => _targets[_entries[b]];

    /// <summary>The known bytes that share the entry of this one.</summary>
    public ByteSet SameAs(byte b) => _entries[b] == 0 ? ByteSet.Of(b) : _bytes[_entries[b]];

    // Compiled in full at once: it runs for every new state.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(ByteSet bytes, T target)
    {
        // With all entries taken, which hardly any state comes to, the rest is computed each time.
        if (_count > byte.MaxValue)
            return;
        if (_count == _targets.Length)
        {
            Array.Resize(ref _targets, _count * 2);
            Array.Resize(ref _bytes, _count * 2);
        }
        _targets[_count] = target;
        _bytes[_count] = bytes;
        Fill(0, bytes.A);
        Fill(64, bytes.B);
        Fill(128, bytes.C);
        Fill(192, bytes.D);
        _count++;
    }

    private void Fill(int start, ulong bits)
    {
        Span<byte> entries = _entries;
        for (; bits != 0; bits &= bits - 1)
            entries[start + System.Numerics.BitOperations.TrailingZeroCount(bits)] = (byte)_count;
    }

    [InlineArray(256)]
    private struct Entries
    {
        private byte _first;
    }
}
