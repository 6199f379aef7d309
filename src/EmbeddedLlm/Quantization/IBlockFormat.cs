namespace EmbeddedLlm.Quantization;

/// <summary>A weight format: one block of numbers in memory, and how to go there and back. Scalar code only.</summary>
/// <typeparam name="TSelf">The struct that has the exact layout of one block in a GGUF file.</typeparam>
public interface IBlockFormat<TSelf> where TSelf : unmanaged, IBlockFormat<TSelf>
{
    /// <summary>The GGUF id of the format.</summary>
    static abstract GgmlType Type { get; }

    /// <summary>Numbers in a block.</summary>
    static abstract int Length { get; }

    /// <summary>Bits of one stored quant; 16 or 32 for float formats. Chooses the panel.</summary>
    static abstract int Bits { get; }

    /// <summary>Numbers that share one integer scale and minimum; 0 for float formats.</summary>
    static virtual int GroupLength => 0;

    /// <summary>What is subtracted from an unsigned quant before scaling.</summary>
    static virtual int QuantOffset => 0;

    /// <summary>
    /// What the quants stand for in place of themselves, before <see cref="QuantOffset"/> is subtracted; [2^<see cref="Bits"/>].
    /// Empty where values are an affine function of the quants.
    /// </summary>
    static virtual ReadOnlySpan<byte> Levels => [];

    /// <summary>The smallest float format that holds <see cref="Groups.Scale"/> and <see cref="Groups.MinScale"/> exactly.</summary>
    static virtual GgmlType ScaleType => GgmlType.F16;

    /// <summary>Rounds <paramref name="values"/> [<see cref="Length"/>] into <paramref name="block"/>.</summary>
    static abstract void Quantize(ReadOnlySpan<float> values, out TSelf block);

    /// <summary>The same where errors do not count alike. Formats that have nothing to choose do not look at <paramref name="importance"/>.</summary>
    /// <param name="values">The numbers, [<see cref="Length"/>].</param>
    /// <param name="importance">How much the squared error of each number counts, [<see cref="Length"/>], positive; or empty, where all count alike.</param>
    /// <param name="block">The result.</param>
    static virtual void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out TSelf block) => TSelf.Quantize(values, out block);

    /// <summary>Writes the block in its common form. Float formats have none and throw <see cref="NotSupportedException"/>.</summary>
    static virtual void Unpack(in TSelf block, ref Groups groups) => throw new NotSupportedException($"{TSelf.Type} has no integer form.");

    /// <summary>Writes the numbers of <paramref name="block"/> to <paramref name="values"/> [<see cref="Length"/>]. Float formats say how; of others it is what <see cref="Groups"/> means.</summary>
    static virtual void Dequantize(in TSelf block, Span<float> values)
    {
        var groups = new Groups
        {
            Quants = stackalloc byte[TSelf.Length],
            GroupScales = stackalloc sbyte[TSelf.Length / TSelf.GroupLength],
            GroupMins = stackalloc byte[TSelf.Length / TSelf.GroupLength],
        };
        TSelf.Unpack(block, ref groups);
        var levels = TSelf.Levels;
        for (var g = 0; g < groups.GroupScales.Length; g++)
        {
            var scale = groups.Scale * groups.GroupScales[g];
            var min = groups.MinScale * groups.GroupMins[g];
            for (var i = g * TSelf.GroupLength; i < (g + 1) * TSelf.GroupLength; i++)
                values[i] = scale * ((levels.IsEmpty ? groups.Quants[i] : levels[groups.Quants[i]]) - TSelf.QuantOffset) - min;
        }
    }

    /// <summary>Writes the numbers of many blocks. Formats with blocks of one number override it.</summary>
    static virtual void Dequantize(ReadOnlySpan<TSelf> blocks, Span<float> values)
    {
        for (var i = 0; i < blocks.Length; i++)
            TSelf.Dequantize(blocks[i], values.Slice(i * TSelf.Length, TSelf.Length));
    }
}
