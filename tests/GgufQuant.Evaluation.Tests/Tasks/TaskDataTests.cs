using System.Buffers.Binary;
using System.Text;
using GgufQuant.Evaluation.Tasks;

namespace GgufQuant.Evaluation.Tests.Tasks;

/// <summary>Files of questions: what is read from them, and what is said of those that are damaged.</summary>
public sealed class TaskDataTests : IDisposable
{
    private const string Winogrande = "0,\"Sarah, who saw Maria, knew that _ was ill.\",Sarah,Maria,2\n1,The cup did not fit since _ was too big.,the cup,it,1\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void HellaSwag_text_has_six_lines_per_question()
    {
        TaskData data = Open("He opened the door.\n 2\nfirst\nsecond\nthird\nfourth\r\nShe sat\n0\na\nb\nc\nd\n\n");

        Assert.Equal(TaskKind.HellaSwag, data.Kind);
        Assert.Equal(["He opened the door.", "She sat"], data.Questions.Select(question => question.Text));
        Assert.Equal([2, 0], data.Questions.Select(question => question.Answer));
        Assert.Equal(["first", "second", "third", "fourth"], data.Questions[0].Choices);
        Assert.Equal(1, data.Questions[1].Index);
        Assert.Equal(0.25, data.ChanceAccuracy);
    }

    [Fact]
    public void Winogrande_has_quotes_around_the_sentence_only()
    {
        TaskData data = Open(Winogrande);

        Assert.Equal(TaskKind.Winogrande, data.Kind);
        Assert.Equal("Sarah, who saw Maria, knew that _ was ill.", data.Questions[0].Text);
        Assert.Equal(["Sarah", "Maria"], data.Questions[0].Choices);
        Assert.Equal([1, 0], data.Questions.Select(question => question.Answer));
    }

    [Fact]
    public void A_multiple_choice_file_has_a_table_of_offsets()
    {
        TaskData data = Open(MultipleChoice(("Which?", ["this", "that", "other"], [0, 1, 0]), ("Wer?", ["ich", "dü"], [1, 0])));

        Assert.Equal(TaskKind.MultipleChoice, data.Kind);
        Assert.Equal(["Which?", "Wer?"], data.Questions.Select(question => question.Text));
        Assert.Equal(["ich", "dü"], data.Questions[1].Choices);
        Assert.Equal([1, 0], data.Questions.Select(question => question.Answer));
        Assert.Equal(5 / 12.0, data.ChanceAccuracy, 1e-12);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("\"B\"", 1)]
    [InlineData("\"c\"", 2)]
    [InlineData("\"three\"", 2)]
    public void JSON_Lines_name_the_answer_by_index_letter_or_text(string answer, int expected)
    {
        TaskData data = Open($$"""

            {"id": 7, "question": "How many?", "choices": ["one", "two", "three"], "answer": {{answer}}}

            """);

        Assert.Equal(TaskKind.MultipleChoice, data.Kind);
        Assert.Equal(expected, Assert.Single(data.Questions).Answer);
    }

    [Fact]
    public void JSON_Lines_can_be_scored_as_another_task()
    {
        TaskData data = Open("{\"question\": \"_ is\", \"choices\": [\"one\", \"two\"], \"answer\": 1}", TaskKind.Winogrande);

        Assert.Equal(TaskKind.Winogrande, data.Kind);
    }

    [Theory]
    [InlineData("A\n0\na\nb\nc\nd\nB\n4\na\nb\nc\nd\n", null, "line 8: '4' is not the number of the true ending, 0 to 3.")]
    [InlineData("A\n0\na\nb\nc\nd\nB\n-1\na\nb\nc\nd\n", null, "line 8: '-1' is not the number of the true ending, 0 to 3.")]
    [InlineData("A\n0\na\nb\n \nd\n", null, "line 5: the ending is empty.")]
    [InlineData("A\n0\na\nb\nc\nd\nB\n1\na\n", null, "line 7: the last question has 3 of its 6 lines")]
    [InlineData(Winogrande + "2,no blank,a,b,1\n", null, "line 3: the sentence 'no blank' has no blank, '_'.")]
    [InlineData(Winogrande + "2,_ is,a,b,3\n", null, "line 3: the answer '3' is not 1 or 2.")]
    [InlineData(Winogrande + "2,_ is,,b,1\n", null, "line 3: a choice is empty.")]
    [InlineData(Winogrande + "2,\"_ is,a,b,1\n", null, "line 3: the line has 1 commas outside quotes instead of 4")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 2}", null, "line 1: 'answer' is not the index of a choice")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": \"z\"}", null, "line 1: 'answer' is not the index of a choice")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\"], \"answer\": 0}", null, "line 1: 'choices' has 1 elements; 2 to 100 are expected.")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\", 2], \"answer\": 0}", null, "line 1: 'choices' has an element that is not a text")]
    [InlineData("{\"question\": 1, \"choices\": [\"a\", \"b\"], \"answer\": 0}", null, "line 1: there is no 'question', or it is not a text.")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 0}\n{\"question\": \n", null, "line 2: the line is not valid JSON")]
    [InlineData("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 0}", TaskKind.Winogrande, "line 1: a question of Winogrande has a blank, '_', and two choices.")]
    [InlineData("Some other text.\nNot a number.\n", null, "line 1: this is neither HellaSwag text")]
    [InlineData("Some other text.\nNot a number.\n", TaskKind.Winogrande, "line 1: the line has 0 commas outside quotes instead of 4")]
    [InlineData("abc", TaskKind.MultipleChoice, "offset 0: the file ends within a question.")]
    public void A_damaged_file_is_an_error_that_names_the_line(string text, TaskKind? kind, string expected)
    {
        TaskDataException exception = Assert.Throws<TaskDataException>(() => Open(text, kind));

        Assert.StartsWith($"'{_folder.File("data")}', {expected}", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_file_has_no_questions()
    {
        Assert.Equal($"'{_folder.File("data")}': the file has no questions.", Assert.Throws<TaskDataException>(() => Open("\n")).Message);
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_an_error_that_names_the_line()
    {
        byte[] text = Encoding.Latin1.GetBytes("A\n0\na\nb\ncafé\nd\n");

        Assert.EndsWith("line 5: the line is not UTF-8 text.", Assert.Throws<TaskDataException>(() => Open(text)).Message, StringComparison.Ordinal);
    }

    // The file has 44 bytes: count 0, offset of question 0 4, length of question 8, question 12, number of choices 18,
    // length 22, choice 26, length 27, choice 31, labels 32, number of other choices 40.
    [Theory]
    [InlineData(0, 0x40000000u, "offset 0: the number of questions is 1073741824; 1 to 200000 are expected.")]
    [InlineData(0, 1000u, "offset 0: the file ends before its 1000 questions.")]
    [InlineData(4, 9u, "offset 4: question 0 is said to be at offset 9, but it is at 8.")]
    [InlineData(8, 0xFFFFFFFFu, "offset 8: the number of bytes of a question is 4294967295; 0 to 1048576 are expected.")]
    [InlineData(8, 1000u, "offset 8: the file ends before its 1000 bytes of a question.")]
    [InlineData(18, 101u, "offset 18: the number of choices is 101; 2 to 100 are expected.")]
    [InlineData(18, 100u, "offset 18: the file ends before its 100 choices.")]
    [InlineData(22, 0x7FFFFFFFu, "offset 22: the number of bytes of a choice is 2147483647; 0 to 1048576 are expected.")]
    [InlineData(32, 1u, "offset 18: question 0 has 2 correct answers; one is expected.")]
    [InlineData(36, 0u, "offset 18: question 0 has 0 correct answers; one is expected.")]
    [InlineData(40, 5u, "offset 40: the file ends before its 5 choices.")]
    public void A_hostile_number_is_an_error_that_names_its_offset(int offset, uint value, string expected)
    {
        byte[] file = MultipleChoice(("Which?", ["a", "b"], [0, 1]));
        Assert.Equal(44, file.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);

        TaskDataException exception = Assert.Throws<TaskDataException>(() => Open(file, TaskKind.MultipleChoice));

        Assert.Equal($"'{_folder.File("data")}', {expected}", exception.Message);
    }

    [Fact]
    public void A_multiple_choice_file_may_be_cut_anywhere_or_be_followed_by_something()
    {
        byte[] file = MultipleChoice(("Which?", ["a", "b"], [0, 1]), ("Who?", ["c", "d"], [1, 0]));
        for (int length = 0; length < file.Length; length++)
            Assert.Throws<TaskDataException>(() => Open(file[..length], TaskKind.MultipleChoice));
        Assert.Contains($"offset {file.Length}: 1 bytes follow", Assert.Throws<TaskDataException>(() => Open([.. file, 0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_of_megabytes_is_not_decoded()
    {
        string text = "A\n0\n" + new string('a', 5 << 20) + "\nb\nc\nd\n";

        Assert.Contains("line 3: the line has 5242880 characters", Assert.Throws<TaskDataException>(() => Open(text)).Message, StringComparison.Ordinal);
    }

    // What llama-perplexity's loops draw of 1000 questions, compiled with GCC 12.
    [Theory]
    [InlineData(TaskKind.HellaSwag, new[] { 417, 997, 719, 931, 0, 128, 302, 999 })]
    [InlineData(TaskKind.Winogrande, new[] { 417, 996, 718, 929, 0, 127, 300, 992 })]
    [InlineData(TaskKind.MultipleChoice, new[] { 417, 996, 718, 929, 0, 127, 300, 992 })]
    public void A_number_of_questions_is_drawn_as_llama_perplexity_draws_them(TaskKind kind, int[] expected)
    {
        string line = "{\"question\": \"_\", \"choices\": [\"a\", \"b\"], \"answer\": 0}\n";

        TaskData data = Open(string.Concat(Enumerable.Repeat(line, 1000)), kind, count: 8);

        Assert.Equal(expected.Order(), data.Questions.Select(question => question.Index));
    }

    [Fact]
    public void Another_seed_draws_other_questions_and_more_than_there_are_draws_all()
    {
        string text = File.ReadAllText(Repository.PathOf("samples", "continuations.txt"));

        Assert.NotEqual(Indexes(Open(text, count: 20)), Indexes(Open(text, count: 20, seed: 2)));
        Assert.Equal(Enumerable.Range(0, 400), Indexes(Open(text, count: 401)));

        static IEnumerable<int> Indexes(TaskData data) => data.Questions.Select(question => question.Index);
    }

    private static byte[] MultipleChoice(params (string Question, string[] Choices, int[] Labels)[] questions)
    {
        using MemoryStream body = new();
        using BinaryWriter writer = new(body);
        List<int> offsets = [];
        foreach ((string question, string[] choices, int[] labels) in questions)
        {
            offsets.Add(((questions.Length + 1) * sizeof(int)) + (int)body.Length);
            Write(question);
            writer.Write(choices.Length);
            foreach (string choice in choices)
                Write(choice);
            foreach (int label in labels)
                writer.Write(label);
            // No choices with several correct answers.
            writer.Write(0);
        }
        byte[] table = new byte[(questions.Length + 1) * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(table, questions.Length);
        for (int i = 0; i < offsets.Count; i++)
            BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan((i + 1) * sizeof(int)), offsets[i]);
        return [.. table, .. body.ToArray()];

        void Write(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            writer.Write(bytes.Length);
            writer.Write(bytes);
        }
    }

    private TaskData Open(string text, TaskKind? kind = null, int? count = null, int seed = 1) => Open(Encoding.UTF8.GetBytes(text), kind, count, seed);

    private TaskData Open(byte[] bytes, TaskKind? kind = null, int? count = null, int seed = 1)
    {
        File.WriteAllBytes(_folder.File("data"), bytes);
        return TaskData.Open(_folder.File("data"), kind, count, seed);
    }
}
