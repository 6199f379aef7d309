namespace EmbeddedLlm.Engine.Drafts;

/// <summary>
/// How many draft tokens a sequence may try. Each try is paid for; each one that was right pays for several more, and each token generated
/// for a small part of one. So drafts grow while they are right, and where they never are, they are at most one row in <see cref="TokensPerTry"/>.
/// </summary>
internal sealed class DraftAllowance
{
    /// <summary>Tokens that earn one more try. A row beside others costs at most a fifth of a step, so that what is lost stays below 3 %.</summary>
    public const int TokensPerTry = 8;

    /// <summary>Tries that a right one earns: drafts go on while at least one in so many is right.</summary>
    public const int TriesPerHit = 3;

    /// <summary>The most tries saved up.</summary>
    public const int Most = 16;

    private float _tries = TriesPerHit;

    /// <summary>Tokens that the next draft may have.</summary>
    public int Tokens => (int)_tries;

    /// <summary>Settles a step.</summary>
    /// <param name="drafted">Draft tokens tried.</param>
    /// <param name="accepted">How many of them were right.</param>
    public void Settle(int drafted, int accepted) =>
        _tries = Math.Clamp(_tries - drafted + TriesPerHit * accepted + (1 + accepted) / (float)TokensPerTry, 0, Most);
}
