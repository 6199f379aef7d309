namespace EmbeddedLlm.Quantization;

/// <summary>What the numbers of a group can become, in units of the group's scale, and the choice that is nearest.</summary>
internal abstract class Codebook
{
    /// <summary>Numbers of a group that share a code.</summary>
    public abstract int CodeLength { get; }

    /// <summary>The least level.</summary>
    public abstract float Lowest { get; }

    /// <summary>The greatest level.</summary>
    public abstract float Highest { get; }

    /// <summary>Finds what is nearest to a group by weighted squared distance.</summary>
    /// <param name="group">Numbers over their scale. What is no number may become anything.</param>
    /// <param name="weights">How much the squared distance of each number counts, [group].</param>
    /// <param name="levels">The levels chosen, [group].</param>
    /// <param name="codes">How the format names them, [group / <see cref="CodeLength"/>].</param>
    public abstract void Round(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Span<float> levels, Span<int> codes);
}
