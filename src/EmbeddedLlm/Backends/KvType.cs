namespace EmbeddedLlm.Backends;

/// <summary>The number format of the KV cache.</summary>
public enum KvType
{
    /// <summary>16-bit floats.</summary>
    F16,

    /// <summary>32-bit floats.</summary>
    F32,
}
