using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Grammar;

/// <summary>What a constraint from a stranger may cost before it is refused. Every limit ends in a <see cref="ConstraintException"/>.</summary>
internal static class ConstraintLimits
{
    /// <summary>Characters of a schema, grammar or regular expression.</summary>
    public const int TextLength = 4 << 20;

    /// <summary>Levels of brackets in a text.</summary>
    public const int Depth = 256;

    /// <summary>The count in a repetition.</summary>
    public const int Repetition = 1_000_000;

    /// <summary>Expressions made while compiling.</summary>
    public const int CompiledExpressions = 2_000_000;

    /// <summary>Alternatives kept side by side in one place.</summary>
    public const int Alternatives = 20_000;

    /// <summary>Derivatives taken for one mask or one byte of text.</summary>
    public const int StepWork = 2_000_000;

    /// <summary>States visited to find whether an intersection holds any text.</summary>
    public const int SearchStates = 20_000;

    /// <summary>Cached expressions, rows and masks; above it the caches are emptied between steps.</summary>
    public const int CachedExpressions = 1_000_000;
    public const int CachedRows = 100_000;
    public const int CachedMaskBytes = 32 << 20;

    /// <summary>Refuses what nests deeper than the stack of this thread holds.</summary>
    public static void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw ConstraintException.Limit("depth", "It nests deeper than can be followed.");
    }
}
