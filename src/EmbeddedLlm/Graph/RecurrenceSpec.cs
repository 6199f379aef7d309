namespace EmbeddedLlm.Graph;

/// <summary>The shape of a recurrent step whose heads each keep a matrix [StateWidth × HeadWidth].</summary>
/// <param name="Heads">Heads.</param>
/// <param name="HeadWidth">Numbers of a head in the input and the result.</param>
/// <param name="Groups">Groups of heads that share what is written to and read from the state with.</param>
/// <param name="StateWidth">Numbers of that in each group.</param>
public sealed record RecurrenceSpec(int Heads, int HeadWidth, int Groups, int StateWidth)
{
    /// <summary>Numbers of all heads.</summary>
    public int Width => Heads * HeadWidth;

    /// <summary>Numbers of all groups.</summary>
    public int GroupsWidth => Groups * StateWidth;
}
