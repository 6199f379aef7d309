using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace EmbeddedLlm.Engine;

/// <summary>
/// Makes <see cref="GenerationRequest.PrefixKey"/> of a caller's name, and of other keys that must agree. The first 64 bits of HMAC-SHA256 under a secret of
/// this process: two names have the same key once in 2⁶⁴ pairs, and nobody who chooses names can find such a pair.
/// </summary>
internal static class PrefixKey
{
    private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(HMACSHA256.HashSizeInBytes);

    /// <summary>The key of requests that say nothing.</summary>
    public const long None = 0;

    /// <summary>A key for a name and a key; <paramref name="key"/> itself where there is no name.</summary>
    public static long Of(string? name, long key = None)
    {
        if (name is null)
            return key;
        var message = new byte[sizeof(long) + Encoding.UTF8.GetMaxByteCount(name.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(message, key);
        var length = sizeof(long) + Encoding.UTF8.GetBytes(name, message.AsSpan(sizeof(long)));
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(Secret, message.AsSpan(0, length), hash);
        return BinaryPrimitives.ReadInt64LittleEndian(hash);
    }
}
