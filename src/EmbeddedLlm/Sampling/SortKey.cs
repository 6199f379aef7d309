namespace EmbeddedLlm.Sampling;

/// <summary>A logit and an index in one number, which is the smaller the greater the logit; of equal logits, the smaller the index.</summary>
internal static class SortKey
{
    private const uint Sign = 1u << 31;

    /// <summary>The key. Of a logit of −0 it is that of 0.</summary>
    public static ulong Of(float logit, int index)
    {
        // As integers, negative floats stand in reverse order, and after the positive ones.
        var bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        var descending = (bits & Sign) == 0 ? ~bits ^ Sign : bits;
        return (ulong)descending << 32 | (uint)index;
    }

    /// <summary>The logit of a key.</summary>
    public static float Logit(ulong key)
    {
        var descending = (uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle((descending & Sign) == 0 ? ~descending ^ Sign : descending);
    }

    /// <summary>The index of a key.</summary>
    public static int Index(ulong key) => (int)(uint)key;
}
