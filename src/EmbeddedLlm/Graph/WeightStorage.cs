namespace EmbeddedLlm.Graph;

/// <summary>Where the bytes of weights live: a mapped file, or memory. Stays valid until the model is disposed.</summary>
public abstract class WeightStorage
{
    /// <summary>The bytes from <paramref name="offset"/> on, without a copy.</summary>
    public abstract ReadOnlySpan<byte> Slice(long offset, int length);

    /// <summary>Says that these bytes will not be read soon, as they were packed: the memory they stand in may go. They stay readable.</summary>
    public virtual void GiveBack(long offset, long length)
    {
    }

    /// <summary>Storage over managed memory.</summary>
    public static WeightStorage From(ReadOnlyMemory<byte> bytes) => new Managed(bytes);

    private sealed class Managed(ReadOnlyMemory<byte> bytes) : WeightStorage
    {
        public override ReadOnlySpan<byte> Slice(long offset, int length) => bytes.Span.Slice(checked((int)offset), length);
    }
}
