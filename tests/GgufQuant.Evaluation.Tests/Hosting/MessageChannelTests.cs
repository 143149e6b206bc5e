using System.Text;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Evaluation.Tests.Hosting;

public sealed class MessageChannelTests
{
    [Fact]
    public void Messages_arrive_unchanged()
    {
        using MemoryStream stream = new();
        MessageChannel channel = new(stream);
        channel.Send(MessageKind.Log, "first"u8);
        channel.Send(MessageKind.Heartbeat, []);
        channel.Send(MessageKind.Result, new byte[100_000]);
        stream.Position = 0;

        Assert.Equal((MessageKind.Log, "first"), Text(channel.Receive()));
        Assert.Equal((MessageKind.Heartbeat, ""), Text(channel.Receive()));
        Assert.Equal(100_000, channel.Receive()!.Value.Payload.Length);
        Assert.Null(channel.Receive());
    }

    [Fact]
    public void A_message_that_is_too_long_is_not_sent()
    {
        using MemoryStream stream = new();

        Assert.Throws<InferenceException>(() => new MessageChannel(stream).Send(MessageKind.Result, new byte[MessageChannel.MaximumLength + 1]));

        Assert.Equal(0, stream.Length);
    }

    [Theory]
    [InlineData("05", "header")]
    [InlineData("0500000005", "0 of its 5 bytes")]
    [InlineData("05000000056162", "2 of its 5 bytes")]
    [InlineData("01000001 05 00", "16777217 bytes")]
    [InlineData("FFFFFF7F 05", "2147483647 bytes")]
    [InlineData("FFFFFFFF 05", "4294967295 bytes")]
    [InlineData("00000000 00", "kind 0")]
    [InlineData("00000000 FF", "kind 255")]
    public void Anything_but_a_message_is_an_error(string bytes, string cause)
    {
        MessageChannel channel = new(new MemoryStream(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));

        ProtocolException exception = Assert.Throws<ProtocolException>(() => channel.Receive());

        Assert.Contains(cause, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("measure-reference")]
    [InlineData("no-such-operation\n{}")]
    public void A_request_must_name_an_operation(string payload) =>
        Assert.Throws<ProtocolException>(() => OperationTable.Decode(Encoding.UTF8.GetBytes(payload), out _));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"Name":null,"AssemblyPath":"a","NativesFolder":"b"}""")]
    [InlineData("""{"Name":"a","AssemblyPath":"a","NativesFolder":"b""")]
    [InlineData("""{"Name":1,"AssemblyPath":"a","NativesFolder":"b"}""")]
    public void A_request_must_say_what_its_operation_needs(string json) =>
        Assert.Throws<ProtocolException>(() => HostJson.Read(Encoding.UTF8.GetBytes(json), HostJson.Default.EngineLocation));

    private static (MessageKind, string) Text(Message? message) => (message!.Value.Kind, Encoding.UTF8.GetString(message.Value.Payload));
}
