namespace EmbeddedLlm.Backends;

/// <summary>The number format of the KV cache.</summary>
public enum KvType
{
    /// <summary>16-bit floats.</summary>
    F16,

    /// <summary>32-bit floats.</summary>
    F32,

    /// <summary>8-bit integers, one 16-bit scale for 32 of them: 8.5 bits a number.</summary>
    Q8_0,
}
