namespace EmbeddedLlm.Tokenization;

/// <summary>What a token is for: the values of <c>tokenizer.ggml.token_type</c>.</summary>
internal enum TokenKind : byte
{
    Undefined = 0,

    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>Stands for text that has no token.</summary>
    Unknown = 2,

    /// <summary>Structure, such as the end of a turn: no text of the answer, and never made from text that is not parsed for it.</summary>
    Control = 3,

    /// <summary>Text that is one token wherever it stands, before all other splitting.</summary>
    UserDefined = 4,

    /// <summary>A reserved id without text.</summary>
    Unused = 5,

    /// <summary>One byte, spelled <c>&lt;0xHH&gt;</c>.</summary>
    Byte = 6,
}
