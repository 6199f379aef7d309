using System.Collections.Immutable;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>Something a model can be quantized to: a name, the format that most weights get, and the number that GGUF files carry as <c>general.file_type</c>.</summary>
internal sealed record QuantizationTarget(string Name, GgmlType Type, uint FileType)
{
    public static ImmutableArray<QuantizationTarget> All { get; } =
    [
        new("F32", GgmlType.F32, 0),
        new("F16", GgmlType.F16, 1),
        new("BF16", GgmlType.BF16, 32),
        new("Q8_0", GgmlType.Q8_0, 7),
        new("Q6_K", GgmlType.Q6_K, 18),
        new("Q5_K_M", GgmlType.Q5_K, 17),
        new("Q5_K_S", GgmlType.Q5_K, 16),
        new("Q5_1", GgmlType.Q5_1, 9),
        new("Q5_0", GgmlType.Q5_0, 8),
        new("Q4_K_M", GgmlType.Q4_K, 15),
        new("Q4_K_S", GgmlType.Q4_K, 14),
        new("Q4_1", GgmlType.Q4_1, 3),
        new("Q4_0", GgmlType.Q4_0, 2),
        new("IQ4_NL", GgmlType.IQ4_NL, 25),
        new("IQ4_XS", GgmlType.IQ4_XS, 30),
        new("MXFP4_MOE", GgmlType.MXFP4, 38),
        new("Q3_K_L", GgmlType.Q3_K, 13),
        new("Q3_K_M", GgmlType.Q3_K, 12),
        new("Q3_K_S", GgmlType.Q3_K, 11),
        new("IQ3_M", GgmlType.IQ3_S, 27),
        new("IQ3_S", GgmlType.IQ3_S, 26),
        new("IQ3_XS", GgmlType.IQ3_S, 22),
        new("IQ3_XXS", GgmlType.IQ3_XXS, 23),
        new("Q2_K", GgmlType.Q2_K, 10),
        new("Q2_K_S", GgmlType.Q2_K, 21),
        new("IQ2_M", GgmlType.IQ2_S, 29),
        new("IQ2_S", GgmlType.IQ2_XS, 28),
        new("IQ2_XS", GgmlType.IQ2_XS, 20),
        new("IQ2_XXS", GgmlType.IQ2_XXS, 19),
        new("IQ1_M", GgmlType.IQ1_M, 31),
        new("IQ1_S", GgmlType.IQ1_S, 24),
        new("TQ2_0", GgmlType.TQ2_0, 37),
        new("TQ1_0", GgmlType.TQ1_0, 36),
    ];

    /// <summary>Whether models are poor unless an importance matrix says where errors matter.</summary>
    public bool NeedsImportance => Type == GgmlType.IQ3_XXS || RequiresImportance(Type);

    /// <summary>Whether weights in this format are poor unless an importance matrix says where errors matter.</summary>
    public static bool RequiresImportance(GgmlType type) => type is GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S;

    /// <summary>Finds a target by name, in any case; <c>Q3_K</c>, <c>Q4_K</c> and <c>Q5_K</c> mean their M mixtures.</summary>
    /// <exception cref="ArgumentException">No such target.</exception>
    public static QuantizationTarget Find(string name)
    {
        var full = name.ToUpperInvariant() is "Q3_K" or "Q4_K" or "Q5_K" ? name + "_M" : name;
        return All.FirstOrDefault(t => t.Name.Equals(full, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"'{name}' is nothing to quantize to. Possible: {string.Join(", ", All.Select(t => t.Name))}.", nameof(name));
    }
}
