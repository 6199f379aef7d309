using System.Collections.Immutable;

namespace EmbeddedLlm.Safetensors;

/// <summary>A row of the table in a safetensors file.</summary>
/// <param name="Name">The name in the file.</param>
/// <param name="Type">The number format as the file spells it, such as <c>BF16</c>.</param>
/// <param name="Shape">Sizes, the length of a row last. None for a single number.</param>
/// <param name="Start">The first byte, counted from the beginning of the file.</param>
/// <param name="Bytes">Bytes of the tensor.</param>
internal sealed record SafetensorsTensor(string Name, string Type, ImmutableArray<long> Shape, long Start, long Bytes);
