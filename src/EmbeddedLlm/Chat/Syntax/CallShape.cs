namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// What a block of calls looks like, for whoever makes a grammar of it:
/// <c>Begin (BeforeName name AfterName arguments AfterArguments) {Between …} End</c>. The texts may hold <see cref="Number"/>, <see cref="Id"/>
/// and <see cref="Word"/> in place of what the model chooses.
/// </summary>
/// <param name="Begin">Opens the block; where it has come, a call follows.</param>
/// <param name="BeforeName">Stands before the name of the tool.</param>
/// <param name="AfterName">Stands between name and arguments.</param>
/// <param name="Arguments">How arguments are written.</param>
/// <param name="AfterArguments">Stands behind the arguments.</param>
/// <param name="End">Closes the block.</param>
/// <param name="Between">Stands between two calls of a block; null where a block has one call.</param>
internal sealed record CallShape(string Begin, string BeforeName, string AfterName, ArgumentShape Arguments, string AfterArguments, string End, string? Between = null)
{
    /// <summary>Stands for a whole number.</summary>
    public const char Number = '\uE000';

    /// <summary>Stands for an id: nine letters and digits.</summary>
    public const char Id = '\uE001';

    /// <summary>Stands for a word of small letters.</summary>
    public const char Word = '\uE002';
}
