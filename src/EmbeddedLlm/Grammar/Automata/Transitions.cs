namespace EmbeddedLlm.Grammar.Automata;

/// <summary>Where each byte leads, filled as it becomes known. Bytes that lead to one target share an entry.</summary>
internal sealed class Transitions<T> where T : class
{
    private readonly byte[] _entries = new byte[256];
    private T?[] _targets = new T?[4];
    private ByteSet[] _bytes = new ByteSet[4];
    private int _count = 1;

    /// <summary>The target of a byte, or null where it is not known yet.</summary>
    public T? this[byte b] => _targets[_entries[b]];

    /// <summary>The known bytes that share the entry of this one.</summary>
    public ByteSet SameAs(byte b) => _bytes[_entries[b]];

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
        for (var b = bytes.First; b >= 0; b = bytes.First)
        {
            _entries[b] = (byte)_count;
            bytes &= ~ByteSet.Of((byte)b);
        }
        _count++;
    }
}
