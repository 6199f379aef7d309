using System.Text;
using System.Text.Json;
using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Tests.Grammar;

public sealed class RandomWalkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Walk_RandomSchemas_EveryTextParsesAndValidatesAndNoneEndsDead(int part)
    {
        var tokenizer = GrammarTesting.Golden("gpt-2");
        var finished = 0;
        for (var seed = part * 1000; seed < part * 1000 + 60; seed++)
        {
            var random = new Random(seed);
            var schema = JsonDocument.Parse(new RandomSchemas(random).Document().ToJsonString()).RootElement;
            Constraint constraint;
            try
            {
                constraint = Constraint.FromJsonSchema(schema, tokenizer, new ConstraintOptions { AllowAnyOrder = seed % 2 == 0, AllowWhiteSpace = seed % 3 == 0 });
            }
            catch (ConstraintException exception)
            {
                Assert.Contains(exception.Feature, (string[])["root", "not", "if", "oneOf", "maxContains", "minProperties", "$ref"]);
                continue;
            }
            for (var walk = 0; walk < 3; walk++)
            {
                if (RandomWalk.Write(constraint, tokenizer, random, random.Next(25)) is not { } text)
                    continue;
                finished++;
                using var value = JsonDocument.Parse(text);
                Assert.True(new SchemaValidator(schema).IsValid(value.RootElement), $"seed {seed}: {Encoding.UTF8.GetString(text)} is invalid under {schema}");
            }
        }

        Assert.True(finished > 60, $"{finished} walks ended.");
    }

    [Fact]
    public void FillMask_RandomStates_AllowsWhatAcceptTakes()
    {
        var tokenizer = GrammarTesting.Golden("gpt-2");
        var random = new Random(5);
        for (var seed = 0; seed < 25; seed++)
        {
            var schema = JsonDocument.Parse(new RandomSchemas(new Random(seed)).Document().ToJsonString()).RootElement;
            Constraint constraint;
            try
            {
                constraint = Constraint.FromJsonSchema(schema, tokenizer);
            }
            catch (ConstraintException)
            {
                continue;
            }
            var state = constraint.Start();
            var mask = new ulong[constraint.MaskLength];
            for (var step = 0; step < 12 && !state.IsEnded; step++)
            {
                state.FillMask(mask);
                // All tokens, each by itself: the tree, its slices and its shared bytes must say the same.
                var wrong = Enumerable.Range(0, tokenizer.VocabularySize).Where(id => GrammarTesting.Allows(mask, id) != Takes(state, id)).ToList();
                Assert.Empty(wrong);
                var allowed = Enumerable.Range(0, tokenizer.VocabularySize).Where(id => GrammarTesting.Allows(mask, id)).ToList();
                Assert.NotEmpty(allowed);
                Assert.True(state.Accept(allowed[random.Next(allowed.Count)]));
            }
        }
    }

    private static bool Takes(ConstraintState state, int token)
    {
        var ended = state.Count;
        if (!state.Accept(token))
            return false;
        state.Rollback(state.Count - ended);
        return true;
    }
}
