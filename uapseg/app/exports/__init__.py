"""What a run can be exported as: files, links, commands, repositories."""
