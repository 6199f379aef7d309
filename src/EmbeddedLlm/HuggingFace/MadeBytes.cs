using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.HuggingFace;

/// <summary>Bytes of a tensor that stand in no file as they are needed: made when they are first read, dropped when all were given back, made anew when read again.</summary>
internal sealed class MadeBytes(string path, long length, Func<byte[]> make) : ITensorBytes
{
    private readonly Lock _making = new();
    private byte[]? _bytes;
    private long _givenBack;

    public string Path => path;

    public long Length => length;

    public ReadOnlySpan<byte> Slice(long offset, int count)
    {
        var bytes = Volatile.Read(ref _bytes) ?? Make();
        return bytes.AsSpan(checked((int)offset), count);
    }

    // Whoever still holds a span keeps the bytes alive.
    public void GiveBack(long offset, long count)
    {
        lock (_making)
        {
            _givenBack += count;
            if (_givenBack < length)
                return;
            _givenBack = 0;
            _bytes = null;
        }
    }

    private byte[] Make()
    {
        lock (_making)
            return _bytes ??= make();
    }
}
