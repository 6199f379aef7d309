using System.Globalization;
using System.Text;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class DecompositionsTests
{
    [Theory]
    [InlineData(0x00E9, 'e')]
    [InlineData(0x1E17, 'e')]
    [InlineData(0x212B, 'A')]
    [InlineData(0x2260, '=')]
    [InlineData(0xAC00, 0x1100)]
    [InlineData(0xD7A3, 0x1112)]
    [InlineData(0x2FA1D, 0x2A600)]
    [InlineData('e', 'e')]
    [InlineData(0x4E00, 0x4E00)]
    public void FirstOf_Character_IsWhatUnicodeSays(int character, int first) =>
        Assert.Equal(first, Decompositions.FirstOf(new Rune(character)).Value);

    [Fact]
    public void FirstOf_AnyCharacter_DecomposesNoFurther()
    {
        for (var value = 0; value <= 0x10FFFF; value++)
        {
            if (!Rune.IsValid(value))
                continue;
            var first = Decompositions.FirstOf(new Rune(value));
            Assert.Equal(first, Decompositions.FirstOf(first));
            // What begins a letter is a letter.
            if (first.Value != value && Rune.IsLetter(new Rune(value)))
                Assert.True(Rune.IsLetter(first) || Rune.GetUnicodeCategory(first) is UnicodeCategory.OtherSymbol, $"U+{value:X4}");
        }
    }
}
