module unigornel/examples

go 1.19
