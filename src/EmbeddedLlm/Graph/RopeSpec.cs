using System.Collections.Immutable;

namespace EmbeddedLlm.Graph;

/// <summary>
/// A rotary position embedding with every scaling rule (linear, YaRN, llama 3 factors) already worked out into one frequency per pair,
/// so that a backend needs to know only <c>angle = position · frequency</c>.
/// </summary>
/// <param name="Pairing">Which two numbers form a pair.</param>
/// <param name="Frequencies">Radians per position of each pair; pairs beyond these (partial rotary) stay as they are.</param>
/// <param name="Magnitude">Multiplies sine and cosine; 1 but for YaRN.</param>
public sealed record RopeSpec(RopePairing Pairing, ImmutableArray<double> Frequencies, float Magnitude = 1)
{
    /// <summary>Numbers of a head that are turned: twice the number of pairs.</summary>
    public int Width => Frequencies.Length * 2;
}
